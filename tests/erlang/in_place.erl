%% What is added in place, a small constant to a register, is not in the stack trace of its failure; other sums are.
-module(in_place).
-export([main/0]).

main() ->
    %% expect: [false,false,true,true,false,false,true,true,false,false,true]
    Sums = [
        fun(X) -> X - 144115188075855872 end,
        fun(X) -> X + 144115188075855872 end,
        fun(X) -> X + 576460752303423488 end,
        fun(X) -> X - 576460752303423488 end,
        fun(X) -> X + (-576460752303423488) end,
        fun(X) -> 144115188075855872 + X end,
        fun(X) -> 144115188075855872 - X end,
        fun(X) -> X - (-576460752303423488) end,
        fun(X) -> 5 + X end,
        fun(X) -> X + 5 end,
        fun(X) -> X * 144115188075855872 end
    ],
    io:format("~0p~n", [[is_in_trace(Sum) || Sum <- Sums]]).

is_in_trace(Sum) ->
    try Sum(binary_to_list(<<>>)) of
        _ -> no_error
    catch
        error:badarith:Stack -> element(1, hd(Stack)) =:= erlang
    end.
