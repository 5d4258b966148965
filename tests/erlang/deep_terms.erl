%% Terms nested a million deep are built, sent, compared, hashed, encoded and dropped.
-module(deep_terms).
-export([main/0]).

main() ->
    Lists = nest(1000000, [], fun(T) -> [T] end),
    Tuples = nest(1000000, {}, fun(T) -> {T, x} end),
    Maps = nest(100000, #{}, fun(T) -> #{k => T} end),
    show(depth(Lists, 0)),  %% expect: 1000000
    show(Lists =:= nest(1000000, [], fun(T) -> [T] end)),  %% expect: true
    show(Tuples < nest(1000001, {}, fun(T) -> {T, x} end)),  %% expect: true
    show(binary_to_term(term_to_binary(Tuples)) =:= Tuples),  %% expect: true
    show(binary_to_term(term_to_binary(Maps)) =:= Maps),  %% expect: true
    Self = self(),
    spawn(fun() -> Self ! {copied, Lists, Tuples, Maps} end),
    receive {copied, L, T, M} -> show({L =:= Lists, T =:= Tuples, M =:= Maps}) end,  %% expect: {true,true,true}
    show([is_integer(erlang:phash2(X)) || X <- [Lists, Tuples, Maps]]),  %% expect: [true,true,true]
    show(iolist_size(nest(1000000, [], fun(X) -> [$a | [X]] end))),  %% expect: 1000000
    show(erts_debug:flat_size(Lists)),  %% expect: 2000000
    erlang:garbage_collect(),
    show(depth(Lists, 0)),  %% expect: 1000000
    Table = ets:new(t, []),
    ets:insert(Table, {key, Tuples}),
    show(ets:lookup_element(Table, key, 2) =:= Tuples).  %% expect: true

nest(0, Term, _) -> Term;
nest(N, Term, Wrap) -> nest(N - 1, Wrap(Term), Wrap).

depth([], N) -> N;
depth([T], N) -> depth(T, N + 1).

show(Term) -> io:format("~0tp~n", [Term]).
