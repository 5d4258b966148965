%% Times of receives that are no times, and literals of odd bits in patterns.
-module(timeout_value).
-export([main/0]).

main() ->
    [show(fun() -> F() end) || F <- [fun in_place/0, fun() -> computed(bad) end, fun() -> computed(1 bsl 40) end,
                                     fun() -> in_handler(none) end, fun in_catch/0]],
    show(fun() -> bits(<<98, 1:1>>) end),
    show(fun() -> bits(<<98, 0:1>>) end),
    show(fun() -> bits(<<98, 5:3>>) end).

in_place() -> {receive after bad -> ok end}.

computed(Time) -> {receive Message -> Message after Time -> ok end}.

in_handler(Term) ->
    try
        {receive after not true -> ok end}
    catch
        error:Reason:Stack -> {Term, Reason, element(2, hd(Stack))}
    end.

in_catch() ->
    {'EXIT', {timeout_value, _}} = (catch {receive after in_catch -> ok end}),
    caught.

bits(<<98, 1:1>>) -> one;
bits(<<98, 0:1>>) -> zero;
bits(<<98, 1:1, 1:2>>) -> three.

show(Fun) ->
    Shown =
        try Fun()
        catch Class:Reason:Stack -> {Class, Reason, [{Name, Arity} || {?MODULE, Name, Arity, _} <- Stack]}
        end,
    io:format("~0tp~n", [Shown]).

%% expect: {error,timeout_value,[{in_place,0},{show,1},{'-main/0-lc$^5/1-0-',1},{main,0}]}
%% expect: {error,timeout_value,[{computed,1},{show,1},{'-main/0-lc$^5/1-0-',1},{main,0}]}
%% expect: {error,timeout_value,[{computed,1},{show,1},{'-main/0-lc$^5/1-0-',1},{main,0}]}
%% expect: {none,timeout_value,in_handler}
%% expect: caught
%% expect: one
%% expect: zero
%% expect: three
