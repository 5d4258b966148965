%% Several processes read one table.
-module(msg_ets_read).
-export([size/0, run/1, expected/1, ops/1]).

-define(READERS, 4).

size() -> 250000.
ops(N) -> N * ?READERS.
expected(N) -> N * ?READERS.

run(N) ->
    Table = ets:new(table, [public, {read_concurrency, true}]),
    ets:insert(Table, [{I, I, some_data} || I <- lists:seq(0, 1023)]),
    Self = self(),
    [spawn_link(fun() -> Self ! {done, read(N, I, Table, 0)} end) || I <- lists:seq(1, ?READERS)],
    Count = lists:sum([receive {done, C} -> C end || _ <- lists:seq(1, ?READERS)]),
    ets:delete(Table),
    Count.

read(0, _, _, Count) -> Count;
read(N, I, Table, Count) ->
    Key = (N * 7 + I) band 1023,
    [{Key, Key, some_data}] = ets:lookup(Table, Key),
    read(N - 1, I, Table, Count + 1).
