%% Processes that begin and end, one after another and in crowds.
-module(msg_spawn_exit).
-export([size/0, run/1, expected/1, ops/1]).

-define(CROWD, 1000).

size() -> 80000.
ops(N) -> 2 * N.
expected(N) -> {N, N}.

run(N) -> {one_by_one(N, 0), crowds(N div ?CROWD, 0)}.

one_by_one(0, Count) -> Count;
one_by_one(N, Count) ->
    {Pid, Ref} = spawn_monitor(fun() -> exit(N) end),
    receive {'DOWN', Ref, process, Pid, N} -> one_by_one(N - 1, Count + 1) end.

crowds(0, Count) -> Count;
crowds(N, Count) ->
    Self = self(),
    Pids = [spawn(fun() -> Self ! self() end) || _ <- lists:seq(1, ?CROWD)],
    crowds(N - 1, Count + length([receive Pid -> Pid end || Pid <- Pids])).
