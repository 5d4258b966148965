%% One process and ETS: insert, look-up, update counters, walk and select in each kind of table.
-module(cpu_ets).
-export([size/0, run/1, expected/1]).

size() -> 80000.

run(N) -> [table(Type, N) || Type <- [set, ordered_set, bag]].

table(Type, N) ->
    Table = ets:new(table, [Type, public]),
    insert(N, Table),
    Sum = sum(N, Table, 0),
    Type =/= bag andalso counters(N, Table),
    Walked = walk(ets:first(Table), Table, 0),
    Selected = ets:select_count(Table, [{{'$1', '$2', '_'}, [{'>', '$1', N div 2}, {is_integer, '$2'}], [true]}]),
    Deleted = ets:select_delete(Table, [{{'$1', '_', '_'}, [{'=:=', {'rem', '$1', 2}, 0}], [true]}]),
    Left = ets:info(Table, size),
    ets:delete(Table),
    {Type, Sum, Walked, Selected, Deleted, Left}.

insert(0, _) -> ok;
insert(N, Table) ->
    true = ets:insert(Table, {N, N * 2, {some, [data, N]}}),
    insert(N - 1, Table).

sum(0, _, Sum) -> Sum;
sum(N, Table, Sum) ->
    [{N, Value, {some, [data, N]}}] = ets:lookup(Table, N),
    sum(N - 1, Table, Sum + Value).

counters(0, _) -> ok;
counters(N, Table) ->
    _ = ets:update_counter(Table, N, {2, 1}),
    counters(N - 1, Table).

walk('$end_of_table', _, Count) -> Count;
walk(Key, Table, Count) -> walk(ets:next(Table, Key), Table, Count + 1).

expected(N) ->
    [{Type, N * (N + 1), N, N - N div 2, N div 2, N - N div 2} || Type <- [set, ordered_set, bag]].
