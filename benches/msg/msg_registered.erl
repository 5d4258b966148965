%% Sending to a registered name, and looking names up.
-module(msg_registered).
-export([size/0, run/1, expected/1, ops/1]).

size() -> 800000.
ops(N) -> N.
expected(N) -> N.

run(N) ->
    Self = self(),
    Pid = spawn_link(fun() -> count(N, 0, Self) end),
    register(msg_counter, Pid),
    send(N),
    receive {counted, Count} -> Count end.

send(0) -> ok;
send(N) when N rem 4 =:= 0 ->
    whereis(msg_counter) ! message,
    send(N - 1);
send(N) ->
    msg_counter ! message,
    send(N - 1).

count(0, Count, Parent) ->
    unregister(msg_counter),
    Parent ! {counted, Count};
count(Left, Count, Parent) -> receive message -> count(Left - 1, Count + 1, Parent) end.
