%% Starting a program and waiting for its end.
-module(io_start_process).
-export([size/0, run/1, expected/1, ops/1]).

size() -> 200.
ops(N) -> N.
expected(N) -> N.

run(N) -> start(N, 0).

start(0, Count) -> Count;
start(N, Count) ->
    Port = open_port({spawn_executable, "/bin/true"}, [exit_status]),
    receive {Port, {exit_status, 0}} -> start(N - 1, Count + 1) end.
