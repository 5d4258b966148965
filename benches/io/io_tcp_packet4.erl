%% A thousand bytes in a packet with its length over TCP and back.
-module(io_tcp_packet4).
-export([size/0, run/1, expected/1, ops/1]).

size() -> 8000.
ops(N) -> N.
expected(N) -> N.

run(N) -> io_tcp:echoes([{active, true}, {packet, 4}], binary:copy(<<"x">>, 1000), N).
