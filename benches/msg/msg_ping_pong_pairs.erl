%% Many pairs that exchange messages, wherever the VM puts them.
-module(msg_ping_pong_pairs).
-export([size/0, run/1, expected/1, ops/1]).

-define(PAIRS, 100).

size() -> 4000.
ops(N) -> N * ?PAIRS.
expected(N) -> N * ?PAIRS.

run(N) ->
    Self = self(),
    [spawn(fun() -> Self ! {done, pair(N)} end) || _ <- lists:seq(1, ?PAIRS)],
    lists:sum([receive {done, Count} -> Count end || _ <- lists:seq(1, ?PAIRS)]).

pair(N) ->
    Echo = spawn_link(fun msg_ping_pong_same:echo/0),
    Count = ask(N, Echo, 0),
    unlink(Echo),
    Echo ! stop,
    Count.

ask(0, _, Count) -> Count;
ask(N, Echo, Count) ->
    Echo ! {self(), N},
    receive {Echo, N} -> ask(N - 1, Echo, Count + 1) end.
