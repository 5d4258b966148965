%% Independent computing processes: how well more schedulers help.
-module(msg_parallel).
-export([size/0, run/1, expected/1, ops/1]).

size() -> 8.
ops(N) -> N.
expected(N) -> [832040 || _ <- lists:seq(1, N)].

run(N) ->
    Self = self(),
    Pids = [spawn_link(fun() -> Self ! {self(), [fib(30) || _ <- lists:seq(1, 5)]} end) || _ <- lists:seq(1, N)],
    [receive {Pid, [Fib | _]} -> Fib end || Pid <- Pids].

fib(N) when N < 2 -> N;
fib(N) -> fib(N - 1) + fib(N - 2).
