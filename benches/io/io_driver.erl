%% A byte to a port and four back: the program cpu_sup, which Lintel serves within its own threads.
-module(io_driver).
-export([size/0, run/1, expected/1, ops/1]).

size() -> 20000.
ops(N) -> N.
expected(N) -> N.

run(N) ->
    Program = filename:join([code:priv_dir(os_mon), "bin", "cpu_sup"]),
    Port = open_port({spawn_executable, Program}, [stream, binary]),
    Count = ask(Port, N, 0),
    port_close(Port),
    Count.

ask(_, 0, Count) -> Count;
ask(Port, N, Count) ->
    port_command(Port, <<"p">>),
    <<4711:32>> = four(Port, <<>>),
    ask(Port, N - 1, Count + 1).

four(_, <<Bytes:4/binary>>) -> Bytes;
four(Port, Bytes) ->
    receive {Port, {data, More}} -> four(Port, <<Bytes/binary, More/binary>>) end.
