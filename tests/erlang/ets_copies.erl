%% Objects of tables are copies: whatever they hold, they come out as they went in, and counters count in place.
-module(ets_copies).
-export([main/0]).

main() ->
    [show({Type, copies(Type)}) || Type <- [set, ordered_set, bag, duplicate_bag]],  %% expect: {set,[]}
    %% expect: {ordered_set,[]}
    %% expect: {bag,[]}
    %% expect: {duplicate_bag,[]}
    [show(counters(Type)) || Type <- [set, ordered_set]],  %% expect: [1,1152921504606846975,1152921504606846976,1152921504606846975,-1152921504606846977,7,badarg,badarg,[3,4],{k,4,x}]
    %% expect: [1,1152921504606846975,1152921504606846976,1152921504606846975,-1152921504606846977,7,badarg,badarg,[3,4],{k,4,x}]
    show(kept()),  %% expect: {[{k,1}],2}
    show(readers()).  %% expect: {8000,ok}

copies(Type) ->
    [Term || Options <- [[], [{read_concurrency, true}]], Term <- terms(), not same(Type, Options, Term)].

same(Type, Options, Term) ->
    T = ets:new(t, [Type, public | Options]),
    ets:insert(T, {key, Term, Term}),
    Found = [ets:lookup(T, key), ets:lookup(T, key), ets:lookup_element(T, key, 3), ets:take(T, key)],
    ets:insert(T, [{Term, 1}, {key, 2}]),
    ByTerm = ets:lookup(T, Term),
    ets:delete(T),
    erlang:garbage_collect(),
    One = case Type of T1 when T1 =:= set; T1 =:= ordered_set -> Term; _ -> [Term] end,
    Found =:= [[{key, Term, Term}], [{key, Term, Term}], One, [{key, Term, Term}]] andalso ByTerm =:= [{Term, 1}].

terms() ->
    Big = 1 bsl 70,
    Binary = binary:copy(<<"a long binary ">>, 20),
    N = length(atom_to_list(node())),
    [a, 1, -Big, 1.5, [], [1, 2, 3], "text", {}, {{{Big}}}, <<>>, <<"short">>, <<5:3>>, Binary,
     binary:part(Binary, 3, 100), #{}, #{a => [Big, 1.5], "b" => #{c => {}}},
     maps:from_list([{I, [I]} || I <- lists:seq(1, 100)]), self(), make_ref(), fun lists:map/2,
     fun() -> {N, Binary} end, [1, [2, [3, Big | tail] | Binary]], lists:seq(1, 1000),
     {lists:seq(1, 90), [{X, [X]} || X <- lists:seq(1, 30)], literal()}, [x | y], [1.5 | 2], [[1], 2 | [3]]].

literal() -> {a, "literal", [with, {parts, <<"and bytes">>}], 16#ffffffffffffffffff}.

counters(Type) ->
    T = ets:new(t, [Type, public]),
    Max = (1 bsl 60) - 1,
    ets:insert(T, {k, 0, x}),
    Results = [ets:update_counter(T, k, 1), ets:update_counter(T, k, Max - 1), ets:update_counter(T, k, 1),
               ets:update_counter(T, k, -1), ets:update_counter(T, k, -2 * Max - 2),
               begin ets:insert(T, {k, 5, x}), ets:update_counter(T, k, {2, 2}) end,
               try ets:update_counter(T, k, {3, 1}) catch error:E1 -> E1 end,
               try ets:update_counter(T, k, {4, 1}) catch error:E2 -> E2 end,
               begin ets:insert(T, {k, 2, x}), ets:update_counter(T, k, [{2, 1}, {2, 1}]) end],
    Results ++ ets:lookup(T, k).

%% What was read before does not change with the table.
kept() ->
    T = ets:new(t, [public]),
    ets:insert(T, {k, 1}),
    Before = ets:lookup(T, k),
    New = ets:update_counter(T, k, 1),
    {Before, New}.

%% Readers and a writer at once: a reader sees whole objects.
readers() ->
    T = ets:new(t, [public, {read_concurrency, true}]),
    ets:insert(T, {k, 0, 0}),
    Self = self(),
    [spawn_link(fun() -> Self ! {read, read(T, 2000, 0)} end) || _ <- [1, 2, 3, 4]],
    spawn_link(fun() -> [ets:insert(T, {k, I, I}) || I <- lists:seq(1, 2000)], Self ! written end),
    Count = lists:sum([receive {read, C} -> C end || _ <- [1, 2, 3, 4]]),
    {Count, receive written -> ok end}.

read(_, 0, Count) -> Count;
read(T, N, Count) ->
    [{k, I, I}] = ets:lookup(T, k),
    read(T, N - 1, Count + 1).

show(Term) -> io:format("~0p~n", [Term]).
