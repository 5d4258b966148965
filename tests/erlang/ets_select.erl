%% Match specifications: select, match, select_replace, continuations, ordered walks.
-module(ets_select).
-export([main/0]).

main() ->
    T = ets:new(t, [ordered_set]),
    ets:insert(T, [{N, N rem 3, {data, N * N}} || N <- lists:seq(1, 20)]),
    show(ets:select(T, [{{'$1', 0, '_'}, [], ['$1']}])),  %% expect: [3,6,9,12,15,18]
    show(ets:select(T, [{{'$1', '_', {data, '$2'}}, [{'>', '$2', 300}], [{{'$2', '$1'}}]}])),  %% expect: [{324,18},{361,19},{400,20}]
    show(ets:match(T, {'$2', 1, {data, '$1'}}, 2) =/= '$end_of_table'),  %% expect: true
    show(element(1, ets:match(T, {'$2', 1, {data, '$1'}}, 2))),  %% expect: [[1,1],[16,4]]
    show(ets:match_object(T, {5, '_', '_'})),  %% expect: [{5,2,{data,25}}]
    show(ets:select_count(T, [{{'$1', '_', '_'}, [{'orelse', {'<', '$1', 3}, {'=:=', '$1', 20}}], [true]}])),  %% expect: 3
    show(ets:select_delete(T, [{{'_', 2, '_'}, [], [true]}])),  %% expect: 7
    show(ets:select_replace(T, [{{'$1', 0, '$2'}, [], [{{'$1', zero, '$2'}}]}])),  %% expect: 6
    show(ets:select_reverse(T, [{{'$1', zero, '_'}, [], ['$1']}], 4) =/= wrong),  %% expect: true
    show(element(1, ets:select_reverse(T, [{{'$1', zero, '_'}, [], ['$1']}], 4))),  %% expect: [18,15,12,9]
    show(pages(ets:select(T, [{{'$1', '_', '_'}, [], ['$1']}], 5))),  %% expect: [[1,3,4,6,7],[9,10,12,13,15],[16,18,19]]
    show({ets:first(T), ets:next(T, 3), ets:next(T, 3.5), ets:prev(T, 1), ets:last(T)}),  %% expect: {1,4,4,'$end_of_table',19}
    show(ets:select(T, [{{'$1', one, '_'}, [], ['$$']}, {{1, '_', '_'}, [], ['$_']}])),  %% expect: [{1,1,{data,1}}]
    show(ets:select(T, [{{1, '_', '$1'}, [], [[{const, {a}}, {element, 2, '$1'}, {'+', 1, {size, '$1'}}, #{k => '$1'}]]}])),  %% expect: [[{a},1,3,#{k => {data,1}}]]
    show(ets:test_ms({1, 2}, [{{'$1', '$2'}, [{'=:=', {'bsl', 1, '$1'}, '$2'}], [{{yes, {node}}}]}])),  %% expect: {ok,{yes,nonode@nohost}}
    show(ets:test_ms({a}, [{{'$1'}, [{badguard}], [true]}])),  %% expect: {error,[{error,"Function badguard/0 does_not_exist."}]}
    show(element(1, element(2, catch ets:select(T, not_a_spec)))),  %% expect: badarg
    show(ets:match_spec_run([{1, a}, {2, b}], ets:match_spec_compile([{{'$1', b}, [], ['$1']}]))),  %% expect: [2]
    show(ets:foldl(fun({K, _, _}, Sum) -> K + Sum end, 0, T)),  %% expect: 133
    ets:safe_fixtable(T, true),
    ets:delete(T, 1),
    show({ets:first(T), ets:info(T, safe_fixed_monotonic_time) =/= false}),  %% expect: {3,true}
    %% Objects that are equal are as many as before, each in its place.
    B = ets:new(b, [duplicate_bag]),
    ets:insert(B, [{k, 1}, {k, 2}, {l, 1}, {k, 1}, {k, 3}, {l, 1}]),
    show([ets:select_replace(B, [{{'$1', 1}, [], ['$_']}]) || _ <- [1, 2]]),  %% expect: [4,4]
    show({ets:select_replace(B, [{{k, 1}, [], [{{k, x}}]}]), ets:lookup(B, k), ets:lookup(B, l)}).  %% expect: {2,[{k,x},{k,2},{k,x},{k,3}],[{l,1},{l,1}]}

pages('$end_of_table') -> [];
pages({Page, Continuation}) -> [Page | pages(ets:select(Continuation))].

show(Term) -> io:format("~0tp~n", [Term]).
