%% A collection of how full the disks are, by os_mon.
-module(io_disksup).
-export([size/0, run/1, expected/1, ops/1]).

size() -> 100.
ops(N) -> N.
expected(N) -> N.

run(N) ->
    {ok, _} = application:ensure_all_started(os_mon),
    collect(N, 0).

collect(0, Count) -> Count;
collect(N, Count) ->
    %% As its timer does; the call comes after it.
    disksup ! timeout,
    [_ | _] = disksup:get_disk_data(),
    collect(N - 1, Count + 1).
