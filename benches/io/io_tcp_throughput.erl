%% Megabytes over one TCP connection, in pieces of 64 KB.
-module(io_tcp_throughput).
-export([size/0, run/1, expected/1, ops/1]).

size() -> 512.
ops(N) -> N.
expected(N) -> N.

run(Megabytes) ->
    {ok, Listener} = gen_tcp:listen(0, [binary, {active, false}, {ip, {127, 0, 0, 1}}]),
    {ok, Port} = inet:port(Listener),
    spawn_link(fun() ->
        {ok, Socket} = gen_tcp:connect({127, 0, 0, 1}, Port, [binary, {active, false}]),
        send(Socket, binary:copy(<<"x">>, 65536), 16 * Megabytes),
        gen_tcp:close(Socket)
    end),
    {ok, Socket} = gen_tcp:accept(Listener),
    Bytes = count(Socket, 0),
    gen_tcp:close(Listener),
    Bytes bsr 20.

send(_, _, 0) -> ok;
send(Socket, Data, N) ->
    ok = gen_tcp:send(Socket, Data),
    send(Socket, Data, N - 1).

count(Socket, Bytes) ->
    case gen_tcp:recv(Socket, 65536) of
        {ok, Data} -> count(Socket, Bytes + byte_size(Data));
        {error, closed} -> Bytes
    end.
