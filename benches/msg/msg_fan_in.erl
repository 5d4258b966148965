%% Many senders, one receiver.
-module(msg_fan_in).
-export([size/0, run/1, expected/1, ops/1]).

-define(SENDERS, 20).

size() -> 20000.
ops(N) -> N * ?SENDERS.
expected(N) -> N * ?SENDERS.

run(N) ->
    Self = self(),
    [spawn_link(fun() -> send(N, Self) end) || _ <- lists:seq(1, ?SENDERS)],
    count(N * ?SENDERS, 0).

send(0, _) -> ok;
send(N, To) -> To ! {message, N, self()}, send(N - 1, To).

count(0, Count) -> Count;
count(Left, Count) -> receive {message, _, _} -> count(Left - 1, Count + 1) end.
