%% The system's memory, as os_mon tells it.
-module(io_memsup).
-export([size/0, run/1, expected/1, ops/1]).

size() -> 3000.
ops(N) -> N.
expected(N) -> N.

run(N) ->
    {ok, _} = application:ensure_all_started(os_mon),
    ask(N, 0).

ask(0, Count) -> Count;
ask(N, Count) ->
    [_ | _] = memsup:get_system_memory_data(),
    ask(N - 1, Count + 1).
