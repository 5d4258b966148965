%% Ten bytes over TCP and back, with module socket.
-module(io_socket).
-export([size/0, run/1, expected/1, ops/1]).

size() -> 8000.
ops(N) -> N.
expected(N) -> N.

run(N) ->
    {ok, Listener} = socket:open(inet, stream, tcp),
    ok = socket:bind(Listener, #{family => inet, addr => loopback, port => 0}),
    ok = socket:listen(Listener),
    {ok, Address} = socket:sockname(Listener),
    spawn_link(fun() -> {ok, Socket} = socket:accept(Listener), serve(Socket) end),
    {ok, Socket} = socket:open(inet, stream, tcp),
    ok = socket:connect(Socket, Address),
    ok = socket:setopt(Socket, {tcp, nodelay}, true),
    Count = echo(Socket, N, 0),
    ok = socket:close(Socket),
    ok = socket:close(Listener),
    Count.

serve(Socket) ->
    case socket:recv(Socket) of
        {ok, Data} -> ok = socket:send(Socket, Data), serve(Socket);
        {error, _} -> socket:close(Socket)
    end.

echo(_, 0, Count) -> Count;
echo(Socket, N, Count) ->
    ok = socket:send(Socket, <<"0123456789">>),
    {ok, <<"0123456789">>} = socket:recv(Socket, 10),
    echo(Socket, N - 1, Count + 1).
