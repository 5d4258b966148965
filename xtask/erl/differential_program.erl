%% Random programs: expressions over given variables, in the abstract format.
-module(differential_program).
-export([body/1]).

body(Variables) ->
    Depth = 2 + rand:uniform(3),
    sequence(rand:uniform(3), Depth, Variables).

%% Expressions in a row; each may bind a variable for those that follow.
sequence(1, Depth, Env) -> [expr(Depth, Env)];
sequence(N, Depth, Env) ->
    case rand:uniform(4) of
        1 -> [expr(Depth - 1, Env) | sequence(N - 1, Depth, Env)];
        _ ->
            V = fresh(),
            [{match, 0, var(V), expr(Depth - 1, Env)} | sequence(N - 1, Depth, [V | Env])]
    end.

expr(Depth, Env) when Depth =< 0 -> leaf(Env);
expr(Depth, Env) -> expr(rand:uniform(34), Depth - 1, Env).

expr(N, _, Env) when N =< 2 -> leaf(Env);
expr(N, D, Env) when N =< 6 -> {op, 0, pick(['+', '-', '*', 'div', 'rem', 'band', 'bor', 'bxor', '/', 'bsr']), expr(D, Env), expr(D, Env)};
expr(7, D, Env) -> {op, 0, pick(['-', 'bnot', 'not', '+']), expr(D, Env)};
expr(8, D, Env) -> {op, 0, pick(['<', '>', '=<', '>=', '==', '=:=', '/=', '=/=']), expr(D, Env), expr(D, Env)};
expr(9, D, Env) -> {op, 0, pick(['andalso', 'orelse', 'and', 'or', 'xor']), condition(D, Env), condition(D, Env)};
expr(10, D, Env) -> {op, 0, pick(['++', '--']), list(D, Env), list(D, Env)};
expr(N, D, Env) when N =< 13 -> cases(D, Env);
expr(14, D, Env) ->
    {'if', 0, [{clause, 0, [], [guards(Env)], sequence(1, D, Env)} || _ <- lists:seq(1, rand:uniform(2))] ++
         pick([[], [{clause, 0, [], [[{atom, 0, true}]], [leaf(Env)]}]])};
expr(N, D, Env) when N =< 16 -> tries(D, Env);
expr(17, D, Env) -> {'catch', 0, expr(D, Env)};
expr(18, D, Env) -> {block, 0, sequence(2, D, Env)};
expr(19, D, Env) -> list(D, Env);
expr(20, D, Env) -> {tuple, 0, [expr(D, Env) || _ <- lists:seq(1, rand:uniform(4) - 1)]};
expr(21, D, Env) -> {map, 0, [{map_field_assoc, 0, expr(D - 1, Env), expr(D, Env)} || _ <- lists:seq(1, rand:uniform(3))]};
expr(22, D, Env) -> {map, 0, expr(D, Env), [{pick([map_field_assoc, map_field_exact]), 0, leaf(Env), expr(D, Env)}]};
expr(23, D, Env) -> comprehension(lc, D, Env);
expr(24, D, Env) -> comprehension(bc, D, Env);
expr(25, D, Env) -> {bin, 0, [segment(D, Env) || _ <- lists:seq(1, rand:uniform(3))]};
expr(N, D, Env) when N =< 27 -> library(D, Env);
expr(28, D, Env) ->
    {Fun, Arity} = function(D, Env),
    {call, 0, Fun, [expr(D, Env) || _ <- lists:seq(1, pick([Arity, Arity, Arity, Arity + 1]))]};
expr(29, D, Env) -> loop(D, Env);
expr(30, D, Env) -> {call, 0, {atom, 0, pick([throw, error, exit])}, [expr(D, Env)]};
expr(31, D, Env) ->
    V = fresh(),
    {block, 0, [{op, 0, '!', {call, 0, {atom, 0, self}, []}, expr(D, Env)},
                {'receive', 0, [{clause, 0, [pattern(2, [])], [], [leaf(Env)]}, {clause, 0, [var(V)], [], [expr(D, [V | Env])]}],
                 {integer, 0, 0}, [{atom, 0, timeout}]}]};
expr(32, D, Env) -> {block, 0, [{call, 0, {atom, 0, put}, [{atom, 0, key}, expr(D, Env)]}, {call, 0, {atom, 0, get}, [{atom, 0, key}]}]};
expr(33, D, Env) -> {match, 0, pattern(2, []), expr(D, Env)};
expr(34, D, Env) -> {call, 0, expr(D, Env), [expr(D, Env)]}.

leaf([]) -> literal();
leaf(Env) -> pick([var(pick(Env)), var(pick(Env)), var(pick(Env)), literal()]).

literal() ->
    pick([{integer, 0, rand:uniform(20)}, {integer, 0, 0}, {integer, 0, 1 bsl (56 + rand:uniform(10))}, {atom, 0, pick([a, b, ok, true, false])},
          {nil, 0}, {float, 0, pick([1.5, 0.0, 1.0e10, 2.0])}, {string, 0, pick(["ab", "", "x"])}, {tuple, 0, []},
          {bin, 0, [{bin_element, 0, {string, 0, pick(["bin", ""])}, default, default}]}, {char, 0, $c}]).

condition(D, Env) -> pick([expr(8, D, Env), {atom, 0, true}, {atom, 0, false}, expr(D, Env), test(Env)]).

test(Env) -> {call, 0, {atom, 0, pick([is_integer, is_float, is_atom, is_list, is_tuple, is_map, is_binary, is_function, is_boolean])}, [leaf(Env)]}.

guards(Env) ->
    [pick([test(Env), {op, 0, pick(['<', '=:=', '>=', '==']), leaf(Env), leaf(Env)},
           {op, 0, '=:=', {call, 0, {atom, 0, pick([length, hd, tuple_size, map_size, byte_size, abs, size])}, [leaf(Env)]}, leaf(Env)},
           {op, 0, pick(['andalso', 'orelse']), test(Env), test(Env)}, {op, 0, 'not', test(Env)},
           {op, 0, '>', {op, 0, pick(['+', '-', 'rem', '*']), leaf(Env), leaf(Env)}, {integer, 0, 1}}])
     || _ <- lists:seq(1, rand:uniform(2))].

cases(D, Env) ->
    {'case', 0, expr(D, Env), clauses(rand:uniform(3), D, Env) ++ pick([[], last(D, Env), last(D, Env)])}.

clauses(N, D, Env) -> [clause(D, Env) || _ <- lists:seq(1, N)].

clause(D, Env) ->
    Pattern = pattern(3, Env),
    Inner = variables(Pattern) ++ Env,
    {clause, 0, [Pattern], pick([[], [], [guards(Inner)], [guards(Inner), guards(Inner)]]), sequence(rand:uniform(2), D, Inner)}.

last(D, Env) ->
    V = fresh(),
    [{clause, 0, [var(V)], [], [expr(D, [V | Env])]}].

pattern(Depth, Env) when Depth =< 0 -> pick([var(fresh()), var('_'), literal_pattern(), simple(Env)]);
pattern(Depth, Env) ->
    case rand:uniform(10) of
        1 -> {tuple, 0, [pattern(Depth - 1, Env) || _ <- lists:seq(1, rand:uniform(3))]};
        2 -> {cons, 0, pattern(Depth - 1, Env), pattern(Depth - 1, Env)};
        3 -> {map, 0, [{map_field_exact, 0, literal_pattern(), pattern(Depth - 1, Env)}]};
        4 -> {bin, 0, [{bin_element, 0, var(fresh()), {integer, 0, pick([1, 4, 8, 8, 16])}, pick([default, [signed], [little]])},
                       {bin_element, 0, var(fresh()), default, [bitstring]}]};
        5 -> {match, 0, var(fresh()), pattern(Depth - 1, Env)};
        6 -> {bin, 0, [{bin_element, 0, var(fresh()), default, [utf8]}, {bin_element, 0, var(fresh()), default, [binary]}]};
        7 -> literal_pattern();
        _ -> pattern(0, Env)
    end.

%% A variable that is bound already must match.
simple([]) -> var('_');
simple(Env) -> var(pick(Env)).

literal_pattern() -> pick([{integer, 0, rand:uniform(5)}, {atom, 0, pick([a, b, ok, true])}, {nil, 0}, {float, 0, 1.5}, {string, 0, "ab"}, {tuple, 0, []}]).

variables(Pattern) ->
    lists:usort(collect(Pattern)).

collect({var, _, '_'}) -> [];
collect({var, _, V}) -> [V];
collect(T) when is_tuple(T) -> lists:flatmap(fun collect/1, tuple_to_list(T));
collect([H | T]) -> collect(H) ++ collect(T);
collect(_) -> [].

tries(D, Env) ->
    {Class, Reason, Stack} = {fresh(), fresh(), fresh()},
    Caught = pick([[{clause, 0, [{tuple, 0, [{atom, 0, pick([throw, error, exit])}, pattern(2, []), var('_')]}], [], [expr(D, Env)]}],
                   [{clause, 0, [{tuple, 0, [var(Class), var(Reason), var('_')]}], [], [{tuple, 0, [var(Class), var(Reason)]}]}],
                   [{clause, 0, [{tuple, 0, [var(Class), var(Reason), var(Stack)]}], [],
                     [{call, 0, {remote, 0, {atom, 0, erlang}, {atom, 0, raise}}, [var(Class), {tuple, 0, [{atom, 0, again}, var(Reason)]}, var(Stack)]}]}]]),
    {'try', 0, [expr(D, Env)], pick([[], clauses(1, D, Env)]), Caught, pick([[], [], [expr(D - 1, Env)]])}.

list(D, Env) ->
    pick([{cons, 0, expr(D, Env), list_end(D, Env)}, leaf(Env), {call, 0, {remote, 0, {atom, 0, lists}, {atom, 0, seq}}, [{integer, 0, 1}, {integer, 0, rand:uniform(5)}]}]).

list_end(D, Env) when D =< 0 -> pick([{nil, 0}, leaf(Env)]);
list_end(D, Env) -> pick([{nil, 0}, {cons, 0, expr(D - 1, Env), {nil, 0}}]).

comprehension(Kind, D, Env) ->
    {Pattern, Inner} =
        case rand:uniform(2) of
            1 -> V = fresh(), {var(V), [V | Env]};
            2 -> P = pattern(1, []), {P, variables(P) ++ Env}
        end,
    Generator = pick([{generate, 0, Pattern, list(D, Env)}, {generate, 0, Pattern, list(D, Env)},
                      {b_generate, 0, {bin, 0, [{bin_element, 0, var(fresh()), {integer, 0, pick([3, 8])}, default}]}, expr(D, Env)}]),
    Env2 = case Generator of {generate, _, _, _} -> Inner; {b_generate, _, B, _} -> variables(B) ++ Env end,
    Template = case Kind of lc -> expr(D, Env2); bc -> {bin, 0, [segment(D, Env2)]} end,
    {Kind, 0, Template, [Generator | pick([[], [condition(D - 1, Env2)]])]}.

segment(D, Env) ->
    {Size, Types} = pick([{default, default}, {{integer, 0, pick([1, 7, 12, 32, 64])}, [integer, pick([little, big])]},
                          {default, [binary]}, {default, [bitstring]}, {{integer, 0, 64}, [float]}, {default, [utf8]}]),
    {bin_element, 0, case expr(D - 1, Env) of {bin, _, _} = B -> B; {var, _, _} = V -> V; {integer, _, _} = I -> I; E -> {block, 0, [E]} end, Size, Types}.

function(D, Env) ->
    Arity = rand:uniform(2),
    Parameters = [fresh() || _ <- lists:seq(1, Arity)],
    Extra = pick([[], [{clause, 0, [pattern(2, []) || _ <- Parameters], [], [leaf(Env)]}]]),
    {{'fun', 0, {clauses, Extra ++ [{clause, 0, [var(P) || P <- Parameters], pick([[], [], [guards(Parameters)]]), [expr(D, Parameters ++ Env)]}]}}, Arity}.

%% A recursion that ends.
loop(D, Env) ->
    {Name, N, Acc, Acc2} = {fresh(), fresh(), fresh(), fresh()},
    Again = {call, 0, var(Name), [{op, 0, '-', var(N), {integer, 0, 1}}, expr(D, [N, Acc | Env])]},
    {call, 0, {named_fun, 0, Name,
               [{clause, 0, [{integer, 0, 0}, var(Acc2)], [], [var(Acc2)]},
                {clause, 0, [var(N), var(Acc)], [], [pick([Again, {tuple, 0, [var(N), Again]}])]}]},
     [{integer, 0, rand:uniform(4)}, leaf(Env)]}.

library(D, Env) ->
    {Fun1, _} = one_parameter(D, Env),
    E = fun() -> expr(D, Env) end,
    {M, F, Args} =
        pick([{lists, map, [Fun1, list(D, Env)]}, {lists, filter, [Fun1, list(D, Env)]}, {lists, reverse, [E()]}, {lists, sort, [E()]},
              {lists, member, [E(), list(D, Env)]}, {erlang, element, [E(), E()]}, {erlang, setelement, [{integer, 0, 1}, E(), E()]},
              {erlang, hd, [E()]}, {erlang, tl, [E()]}, {erlang, length, [E()]}, {erlang, abs, [E()]}, {maps, get, [E(), E(), E()]},
              {maps, put, [E(), E(), E()]}, {maps, to_list, [E()]}, {erlang, list_to_binary, [E()]}, {erlang, binary_to_list, [E()]},
              {erlang, integer_to_list, [E()]}, {erlang, atom_to_list, [E()]}, {erlang, tuple_to_list, [E()]}, {lists, foldl,
              [two_parameters(D, Env), E(), list(D, Env)]}, {erlang, apply, [Fun1, list(D, Env)]}, {erlang, max, [E(), E()]},
              {erlang, iolist_to_binary, [E()]}, {erlang, round, [E()]}, {erlang, float, [E()]}, {erlang, is_record, [E(), {atom, 0, a}, {integer, 0, 2}]},
              {erlang, size, [E()]}, {lists, keyfind, [E(), {integer, 0, 1}, list(D, Env)]}, {maps, fold, [three_parameters(D, Env), E(), E()]}]),
    {call, 0, {remote, 0, {atom, 0, M}, {atom, 0, F}}, Args}.

one_parameter(D, Env) -> {parameters(1, D, Env), 1}.
two_parameters(D, Env) -> parameters(2, D, Env).
three_parameters(D, Env) -> parameters(3, D, Env).

parameters(N, D, Env) ->
    Names = [fresh() || _ <- lists:seq(1, N)],
    {'fun', 0, {clauses, [{clause, 0, [var(V) || V <- Names], [], [expr(D, Names ++ Env)]}]}}.

var(Name) -> {var, 0, Name}.

fresh() ->
    N = put(fresh, get(fresh) + 1),
    list_to_atom("V" ++ integer_to_list(N)).

pick(List) -> lists:nth(rand:uniform(length(List)), List).
