%% Several processes write to one table, and count in it.
-module(msg_ets_write).
-export([size/0, run/1, expected/1, ops/1]).

-define(WRITERS, 4).

size() -> 30000.
ops(N) -> 2 * 3 * N * ?WRITERS.
expected(N) -> [{set, N * ?WRITERS}, {ordered_set, N * ?WRITERS}].

run(N) -> [{Type, table(Type, N)} || Type <- [set, ordered_set]].

table(Type, N) ->
    Table = ets:new(table, [Type, public, {write_concurrency, true}]),
    ets:insert(Table, {counter, 0}),
    Self = self(),
    [spawn_link(fun() -> write(N, I, Table), Self ! done end) || I <- lists:seq(1, ?WRITERS)],
    [receive done -> ok end || _ <- lists:seq(1, ?WRITERS)],
    Count = ets:lookup_element(Table, counter, 2),
    ets:delete(Table),
    Count.

write(0, _, _) -> ok;
write(N, I, Table) ->
    ets:insert(Table, {{I, N band 255}, N}),
    ets:update_counter(Table, counter, 1),
    ets:delete(Table, {I, (N + 128) band 255}),
    write(N - 1, I, Table).
