%% Ten bytes over TCP and back, sockets active.
-module(io_tcp_active).
-export([size/0, run/1, expected/1, ops/1]).

size() -> 8000.
ops(N) -> N.
expected(N) -> N.

run(N) -> io_tcp:echoes([{active, true}], <<"0123456789">>, N).
