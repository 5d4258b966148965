%% The module of the loader's documentation and tests. Compiled with OTP 25: erlc +deterministic lintel_sample.erl
-module(lintel_sample).
-export([sum/1, parse/1, build/2, guarded/1, serve/0, big/0, classify/1, update/2]).

sum(List) -> lists:foldl(fun(X, Acc) -> X + Acc end, 0, List).

parse(<<"GET ", Rest/binary>>) -> {get, Rest};
parse(<<N:16, Body:N/binary, Rest/bits>>) -> {Body, Rest};
parse(_) -> error(badarg).

build(A, B) -> <<A:8, "abc", B/binary>>.

guarded(F) -> try F() catch Class:Reason:Stack -> {Class, Reason, Stack} end.

serve() ->
    receive
        {From, Ref} when is_pid(From) -> From ! {Ref, self()}, serve();
        stop -> ok
    after 1000 -> timeout
    end.

big() -> [123456789012345678901234567890, -123456789012345678901234567890, 1.5, $\x{10ffff}].

classify(X) ->
    case X of
        1180591620717411303424 -> long; -18446744073709551617 -> long;
        a -> 1; b -> 2; c -> 3; 'quoted atom' -> 4;
        {_, _} -> pair;
        #{key := V} -> V;
        F when is_float(F) -> F * 2.0 + 1.0;
        _ -> other
    end.

update(M, V) -> M#{a => V, {b, c} => 1}.
