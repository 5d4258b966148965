%% Smaller forms of a case: each differs from it by one step.
-module(differential_shrink).
-export([candidates/1]).

-define(MOST, 300).

candidates({_, Variables, Body}) ->
    Smaller = [{Variables, B} || B <- bodies(Body)] ++ [{V, Body} || V <- bindings(Variables)],
    Sorted = lists:usort(fun(A, B) -> {size_of(A), A} =< {size_of(B), B} end, Smaller),
    Size = size_of({Variables, Body}),
    Chosen = lists:sublist([Case || Case <- Sorted, size_of(Case) < Size], ?MOST),
    [{Id, V, B} || {Id, {V, B}} <- lists:zip(lists:seq(1, length(Chosen)), Chosen)].

size_of(Term) -> erts_debug:flat_size(Term) + weight(Term).

%% Of two terms of one size, the one with the smaller numbers is smaller.
weight(N) when is_integer(N) -> min(abs(N), 100000) div 1000 + min(1, abs(N));
weight(T) when is_tuple(T) -> weight(tuple_to_list(T));
weight([H | T]) -> weight(H) + weight(T);
weight(M) when is_map(M) -> weight(maps:to_list(M));
weight(B) when is_bitstring(B) -> bit_size(B) div 8;
weight(_) -> 0.

%% Bodies: fewer expressions, or one expression made smaller.
bodies(Body) ->
    without_one(Body, 1) ++ each(Body, fun expression/1).

expression(Node) when is_tuple(Node), tuple_size(Node) >= 3 ->
    Children = [Child || Child <- children(tl(tl(tuple_to_list(Node)))), is_expression(Child)],
    Constants = [C || C <- [{atom, 0, ok}, {integer, 0, 0}, {nil, 0}], is_expression(Node), C =/= Node],
    [Kind, Line | Parts] = tuple_to_list(Node),
    Children ++ Constants ++ [list_to_tuple([Kind, Line | P]) || P <- each(Parts, fun part/1)];
expression(_) -> [].

part(List) when is_list(List) -> without_one(List, 0) ++ each(List, fun part/1);
part(Node) when is_tuple(Node) -> expression(Node);
part(_) -> [].

children(Parts) ->
    lists:flatmap(fun(P) when is_list(P) -> children(P);
                     ({clause, _, _, _, Body}) -> Body;
                     (P) when is_tuple(P) -> [P];
                     (_) -> []
                  end, Parts).

is_expression(Node) when is_tuple(Node), tuple_size(Node) >= 2 ->
    lists:member(element(1, Node),
                 [atom, integer, float, string, nil, cons, tuple, map, var, bin, call, op, 'case', 'if', 'try', 'catch',
                  block, lc, bc, 'fun', named_fun, match, 'receive', char]);
is_expression(_) -> false.

%% One element of a list replaced by each of its smaller forms.
each([], _) -> [];
each([X | Rest], Smaller) ->
    [[Y | Rest] || Y <- Smaller(X)] ++ [[X | R] || R <- each(Rest, Smaller)];
each(_, _) -> [].

without_one(List, Least) when is_list(List), length(List) > Least ->
    [lists:sublist(List, N - 1) ++ lists:nthtail(N, List) || N <- lists:seq(1, length(List))];
without_one(_, _) -> [].

bindings(Variables) -> each(Variables, fun({Name, Term}) -> [{Name, T} || T <- term(Term)] end).

term(0) -> [];
term(N) when is_integer(N) -> lists:usort([0, N div 2, N div 1000000]) -- [N];
term(F) when is_float(F) -> [0.0 || F /= 0.0] ++ [0];
term([]) -> [];
term([H | T] = List) when is_list(T), length(List) > 12 ->
    Half = length(List) div 2,
    [[], lists:sublist(List, Half), lists:nthtail(Half, List), [H]];
term([H | T]) -> [[], H, T] ++ [[X | T] || X <- term(H)] ++ [[H | X] || X <- term(T)];
term({}) -> [a];
term(T) when is_tuple(T) ->
    List = tuple_to_list(T),
    List ++ [list_to_tuple(L) || L <- without_one(List, 0) ++ each(List, fun term/1)];
term(M) when is_map(M), map_size(M) > 0 ->
    [maps:remove(K, M) || K <- maps:keys(M)] ++ [M#{K := V} || K <- maps:keys(M), V <- term(maps:get(K, M))];
term(B) when is_bitstring(B), bit_size(B) > 0 ->
    Half = bit_size(B) div 2,
    <<First:Half/bits, Second/bits>> = B,
    [First, Second];
term(A) when is_atom(A), A =/= a -> [a];
term(_) -> [].
