%% Links and monitors: set and taken back, and the news of an exit to many.
-module(msg_links_monitors).
-export([size/0, run/1, expected/1, ops/1]).

-define(WATCHERS, 500).

size() -> 150000.
ops(N) -> 2 * N.
expected(N) -> {N, N, 20 * ?WATCHERS}.

run(N) ->
    Pid = spawn(fun wait/0),
    Result = {monitors(N, Pid, 0), links(N, Pid, 0), deaths(20, 0)},
    exit(Pid, kill),
    Result.

monitors(0, _, Count) -> Count;
monitors(N, Pid, Count) ->
    Ref = monitor(process, Pid),
    true = demonitor(Ref, [flush]),
    monitors(N - 1, Pid, Count + 1).

links(0, _, Count) -> Count;
links(N, Pid, Count) ->
    link(Pid),
    unlink(Pid),
    links(N - 1, Pid, Count + 1).

deaths(0, Count) -> Count;
deaths(N, Count) ->
    Victim = spawn(fun wait/0),
    Self = self(),
    Watchers = [spawn(fun() -> watch(Victim, Self) end) || _ <- lists:seq(1, ?WATCHERS)],
    [receive {ready, W} -> ok end || W <- Watchers],
    exit(Victim, kill),
    deaths(N - 1, Count + length([receive {down, W} -> ok end || W <- Watchers])).

watch(Victim, Parent) ->
    Ref = monitor(process, Victim),
    Parent ! {ready, self()},
    %% The monitor may reach its target after the kill: no order holds between different senders.
    receive {'DOWN', Ref, process, Victim, _} -> Parent ! {down, self()} end.

wait() -> receive stop -> ok end.
