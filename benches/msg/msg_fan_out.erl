%% Work is given to a set of processes and their answers are gathered.
-module(msg_fan_out).
-export([size/0, run/1, expected/1, ops/1]).

-define(WORKERS, 50).

size() -> 900.
ops(N) -> N * ?WORKERS.
expected(N) -> N * ?WORKERS * 5050.

run(N) ->
    Workers = [spawn_link(fun work/0) || _ <- lists:seq(1, ?WORKERS)],
    Sum = rounds(N, Workers, 0),
    [begin unlink(W), W ! stop end || W <- Workers],
    Sum.

rounds(0, _, Sum) -> Sum;
rounds(N, Workers, Sum) ->
    [W ! {self(), sum, lists:seq(1, 100)} || W <- Workers],
    rounds(N - 1, Workers, lists:foldl(fun(W, Acc) -> receive {W, S} -> Acc + S end end, Sum, Workers)).

work() ->
    receive
        {From, sum, List} -> From ! {self(), lists:foldl(fun(X, Acc) -> X + Acc end, 0, List)}, work();
        stop -> ok
    end.
