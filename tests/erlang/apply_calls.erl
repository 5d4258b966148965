%% Calls of every kind: local, remote, apply, tail calls in constant space, BIFs as values.
-module(apply_calls).
-export([main/0, f/0, f/1, f/2, count/2, even/1]).

main() ->
    show([apply(?MODULE, f, Args) || Args <- [[], [1], [1, 2]]]),  %% expect: [zero,{one,1},{two,1,2}]
    M = ?MODULE,
    F = f,
    show({M:F(), M:F(a), M:F(a, b)}),  %% expect: {zero,{one,a},{two,a,b}}
    show(apply(fun f/2, [x, y])),  %% expect: {two,x,y}
    show(erlang:apply(erlang, abs, [-3])),  %% expect: 3
    show(apply(erlang, apply, [lists, sum, [[1, 2, 3]]])),  %% expect: 6
    show(count(1000000, 0)),  %% expect: 1000000
    show(even(1000001)),  %% expect: false
    show(M:count(300000, 0)),  %% expect: 300000
    show(caught(fun() -> M:F(1, 2, 3) end)),  %% expect: {error,undef}
    show(caught(fun() -> apply(M, F, not_a_list) end)),  %% expect: {error,badarg}
    show(caught(fun() -> apply(1, f, []) end)),  %% expect: {error,badarg}
    show(caught(fun() -> apply("x", f, []) end)),  %% expect: {error,badarg}
    show(lists:map(fun erlang:'-'/1, [1, 2])),  %% expect: [-1,-2]
    show(lists:foldl(fun erlang:'+'/2, 0, [1, 2, 3])),  %% expect: 6
    show(big_arity(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20)),  %% expect: 210
    show(deep(200000)).  %% expect: 200000

f() -> zero.
f(A) -> {one, A}.
f(A, B) -> {two, A, B}.

count(0, N) -> N;
count(Left, N) -> ?MODULE:count(Left - 1, N + 1).

even(0) -> true;
even(N) -> odd(N - 1).

odd(0) -> false;
odd(N) -> ?MODULE:even(N - 1).

big_arity(A, B, C, D, E, F, G, H, I, J, K, L, M, N, O, P, Q, R, S, T) ->
    lists:sum([A, B, C, D, E, F, G, H, I, J, K, L, M, N, O, P, Q, R, S, T]).

%% Not a tail call: the stack grows with it.
deep(0) -> 0;
deep(N) -> 1 + deep(N - 1).

show(Term) -> io:format("~0tp~n", [Term]).

caught(Fun) ->
    try Fun() of
        Value -> {value, Value}
    catch
        Class:Reason -> {Class, Reason}
    end.
