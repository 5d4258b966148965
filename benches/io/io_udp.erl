%% A datagram there and one back, sockets active.
-module(io_udp).
-export([size/0, run/1, expected/1, ops/1]).

size() -> 8000.
ops(N) -> N.
expected(N) -> N.

run(N) ->
    {ok, Socket} = gen_udp:open(0, [binary, {ip, {127, 0, 0, 1}}]),
    Self = self(),
    Server = spawn_link(fun() ->
        {ok, Echo} = gen_udp:open(0, [binary, {ip, {127, 0, 0, 1}}]),
        {ok, Port} = inet:port(Echo),
        Self ! {self(), Port},
        serve(Echo)
    end),
    receive {Server, Port} -> ok end,
    Count = echo(Socket, Port, N, 0),
    unlink(Server),
    exit(Server, kill),
    gen_udp:close(Socket),
    Count.

serve(Socket) ->
    receive
        {udp, Socket, Address, Port, Data} ->
            ok = gen_udp:send(Socket, Address, Port, Data),
            serve(Socket)
    end.

echo(_, _, 0, Count) -> Count;
echo(Socket, Port, N, Count) ->
    ok = gen_udp:send(Socket, {127, 0, 0, 1}, Port, <<"0123456789">>),
    receive {udp, Socket, _, Port, <<"0123456789">>} -> echo(Socket, Port, N - 1, Count + 1) end.
