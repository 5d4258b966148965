%% Text in, text out: formatting, splitting, joining, conversion of numbers, iolists.
-module(cpu_iolist).
-export([size/0, run/1, expected/1]).

size() -> 45000.

run(N) ->
    Rows = [[integer_to_list(I), $;, "name-", integer_to_binary(I), $;, float_to_list(I / 4, [{decimals, 2}]), $\n]
            || I <- lists:seq(1, N)],
    Size = iolist_size(Rows),
    Flat = iolist_to_binary(Rows),
    Lines = binary:split(Flat, <<"\n">>, [global, trim]),
    Sum = lists:sum([parse(Line) || Line <- Lines]),
    Tokens = string:tokens(binary_to_list(Flat), ";\n"),
    Joined = lists:flatten(lists:join(",", Tokens)),
    Upper = string:uppercase(binary:part(Flat, 0, min(Size, 20000))),
    Shown = lists:foldl(fun(I, Acc) -> Acc + length(lists:flatten(io_lib:format("~w ~s ~p~n", [I, "x", {I, <<"y">>}]))) end,
                        0, lists:seq(1, N div 8)),
    {Size =:= byte_size(Flat), length(Lines), Sum, length(Joined) =:= Size - 1, byte_size(Upper), Shown}.

parse(Line) ->
    [Number, <<"name-", Same/binary>>, Float] = binary:split(Line, <<";">>, [global]),
    Value = binary_to_integer(Number),
    Value = binary_to_integer(Same),
    round(binary_to_float(Float) * 4).

expected(N) ->
    Shown = lists:sum([2 * length(integer_to_list(I)) + 14 || I <- lists:seq(1, N div 8)]),
    {true, N, N * (N + 1) div 2, true, 20000, Shown}.
