%% A great number of processes at once: how long they take, and what each costs in memory.
-module(msg_processes).
-export([size/0, run/1, expected/1, ops/1, values/1, cold/0]).

size() -> 200000.
%% A second run would find memory that the first has left.
cold() -> true.
ops(N) -> N.
expected(N) -> N.

run(N) ->
    Before = resident(),
    {Pids, Living} = crowd(N, []),
    Bytes = (resident() - Before) div N,
    Counted = erlang:memory(processes) div Living,
    [Pid ! stop || Pid <- Pids],
    gone(hd(Pids)),
    {checked, Living, [{bytes_resident, max(1, Bytes)}, {bytes_counted, Counted}]}.

values({checked, _, Values}) -> Values.

crowd(0, Pids) -> {Pids, length(Pids)};
crowd(N, Pids) -> crowd(N - 1, [spawn(fun() -> receive stop -> ok end end) | Pids]).

gone(Pid) ->
    Ref = monitor(process, Pid),
    receive {'DOWN', Ref, _, _, _} -> ok end.

%% Resident memory of the whole VM.
resident() ->
    {ok, Text} = file:read_file("/proc/self/statm"),
    [_, Pages | _] = binary:split(Text, <<" ">>, [global]),
    binary_to_integer(Pages) * 4096.
