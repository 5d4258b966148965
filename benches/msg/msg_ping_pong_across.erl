%% A message there and one back, each process on a scheduler of its own (where there are two).
-module(msg_ping_pong_across).
-export([size/0, run/1, expected/1, ops/1]).

size() -> 20000.
ops(N) -> N.
expected(N) -> N.

run(N) -> msg_ping_pong_same:rounds(N, 1, 2).
