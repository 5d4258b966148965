%% A line to an operating-system process (cat) and back.
-module(io_process).
-export([size/0, run/1, expected/1, ops/1]).

size() -> 10000.
ops(N) -> N.
expected(N) -> N.

run(N) ->
    Port = open_port({spawn, "cat"}, [stream, binary]),
    Count = ask(Port, N, 0),
    port_close(Port),
    Count.

ask(_, 0, Count) -> Count;
ask(Port, N, Count) ->
    port_command(Port, <<"0123456789\n">>),
    receive {Port, {data, <<"0123456789\n">>}} -> ask(Port, N - 1, Count + 1) end.
