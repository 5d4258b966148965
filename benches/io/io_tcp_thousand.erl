%% A thousand TCP connections at once, each with ten echoes.
-module(io_tcp_thousand).
-export([size/0, run/1, expected/1, ops/1]).

size() -> 1000.
ops(N) -> 10 * N.
expected(N) -> 10 * N.

run(N) ->
    {Listener, Port} = io_tcp:echo_server([{active, true}]),
    Self = self(),
    Clients = [spawn_link(fun() -> client(Self, Port) end) || _ <- lists:seq(1, N)],
    [receive {Client, connected} -> ok end || Client <- Clients],
    [Client ! go || Client <- Clients],
    Count = lists:sum([receive {Client, done, Echoes} -> Echoes end || Client <- Clients]),
    gen_tcp:close(Listener),
    Count.

client(Parent, Port) ->
    {ok, Socket} = gen_tcp:connect({127, 0, 0, 1}, Port, [binary, {active, true}, {nodelay, true}]),
    Parent ! {self(), connected},
    receive go -> ok end,
    Count = echo(Socket, 10, 0),
    gen_tcp:close(Socket),
    Parent ! {self(), done, Count}.

echo(_, 0, Count) -> Count;
echo(Socket, N, Count) ->
    ok = gen_tcp:send(Socket, <<"0123456789">>),
    receive {tcp, Socket, <<"0123456789">>} -> echo(Socket, N - 1, Count + 1) end.
