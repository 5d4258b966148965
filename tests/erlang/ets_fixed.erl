%% Tables that are fixed while they change: keys that go leave their place to those who traverse.
-module(ets_fixed).
-export([main/0]).

main() ->
    [try_one(Type) || Type <- [set, bag, ordered_set]],  %% expect: {set,1000,0,badarg}
    %% expect: {bag,1000,0,badarg}
    %% expect: {ordered_set,1000,0,'$end_of_table'}
    show(replaced()),  %% expect: {100,100}
    show(emptied()),  %% expect: {'$end_of_table',0}
    show(crossed()).  %% expect: ok

%% Deletes every key before it asks for the next one.
try_one(Type) ->
    Table = ets:new(t, [Type, public]),
    [ets:insert(Table, {N, N}) || N <- lists:seq(1, 1000)],
    ets:safe_fixtable(Table, true),
    Count = deleted(Table, ets:first(Table), 0),
    Left = ets:info(Table, size),
    ets:safe_fixtable(Table, false),
    show({Type, Count, Left, try ets:next(Table, 1000) catch error:Reason -> Reason end}).

deleted(_, '$end_of_table', Count) -> Count;
deleted(Table, Key, Count) ->
    ets:delete(Table, Key),
    deleted(Table, ets:next(Table, Key), Count + 1).

%% A key that is deleted and inserted again is not met twice.
replaced() ->
    Table = ets:new(t, [set]),
    [ets:insert(Table, {N, old}) || N <- lists:seq(1, 100)],
    ets:safe_fixtable(Table, true),
    {replaced(Table, ets:first(Table), 0), length(ets:match(Table, {'$1', new}))}.

replaced(_, '$end_of_table', Count) -> Count;
replaced(Table, Key, Count) ->
    ets:delete(Table, Key),
    ets:insert(Table, {Key, new}),
    replaced(Table, ets:next(Table, Key), Count + 1).

emptied() ->
    Table = ets:new(t, [set]),
    [ets:insert(Table, {N, N}) || N <- lists:seq(1, 100)],
    ets:safe_fixtable(Table, true),
    Key = ets:first(Table),
    ets:delete_all_objects(Table),
    {ets:next(Table, Key), ets:info(Table, size)}.

%% Others delete and insert while one traverses.
crossed() ->
    Table = ets:new(t, [set, public, {write_concurrency, true}]),
    Change = fun Change(N) ->
        ets:insert(Table, {N rem 200, N}),
        ets:delete(Table, N * 7 rem 200),
        Change(N + 1)
    end,
    Pids = [spawn(fun() -> Change(N) end) || N <- [1, 50, 90]],
    [true = is_integer(ets:foldl(fun(_, Sum) -> Sum + 1 end, 0, Table)) || _ <- lists:seq(1, 300)],
    [exit(Pid, kill) || Pid <- Pids],
    ok.

show(Term) -> io:format("~0tp~n", [Term]).
