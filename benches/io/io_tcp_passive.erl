%% Ten bytes over TCP and back, sockets passive.
-module(io_tcp_passive).
-export([size/0, run/1, expected/1, ops/1]).

size() -> 8000.
ops(N) -> N.
expected(N) -> N.

run(N) -> io_tcp:echoes([{active, false}], <<"0123456789">>, N).
