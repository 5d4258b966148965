%% What the workloads with TCP have in common: a server that sends back what it gets.
-module(io_tcp).
-export([echoes/3, echo_server/1, size/0, run/1, expected/1, ops/1]).

%% On its own: a connection is made, used once and closed.
size() -> 1500.
ops(N) -> N.
expected(N) -> N.

run(N) ->
    {Listener, Port} = echo_server([{active, false}]),
    Count = connections(Port, N, 0),
    gen_tcp:close(Listener),
    Count.

connections(_, 0, Count) -> Count;
connections(Port, N, Count) ->
    Socket = connect(Port, [{active, false}]),
    ok = gen_tcp:send(Socket, <<"0123456789">>),
    {ok, <<"0123456789">>} = gen_tcp:recv(Socket, 10),
    ok = gen_tcp:close(Socket),
    connections(Port, N - 1, Count + 1).

%% So many bytes to and fro over one connection with these options, how often.
echoes(Options, Data, N) ->
    {Listener, Port} = echo_server(Options),
    Socket = connect(Port, Options),
    Count = echoes(Socket, proplists:get_value(active, Options), Data, N, 0),
    gen_tcp:close(Socket),
    gen_tcp:close(Listener),
    Count.

echoes(_, _, _, 0, Count) -> Count;
echoes(Socket, Active, Data, N, Count) ->
    ok = gen_tcp:send(Socket, Data),
    Data = whole(Socket, Active, byte_size(Data), <<>>),
    echoes(Socket, Active, Data, N - 1, Count + 1).

whole(_, _, Size, Bytes) when byte_size(Bytes) =:= Size -> Bytes;
whole(Socket, Active, Size, Bytes) ->
    More = get(Socket, Active),
    whole(Socket, Active, Size, <<Bytes/binary, More/binary>>).

get(Socket, false) ->
    {ok, Data} = gen_tcp:recv(Socket, 0),
    Data;
get(Socket, Active) ->
    receive {tcp, Socket, Data} -> again(Socket, Active), Data end.

again(Socket, once) -> inet:setopts(Socket, [{active, once}]);
again(_, true) -> ok.

connect(Port, Options) ->
    {ok, Socket} = gen_tcp:connect({127, 0, 0, 1}, Port, [binary, {nodelay, true} | Options]),
    Socket.

echo_server(Options) ->
    {ok, Listener} = gen_tcp:listen(0, [binary, {nodelay, true}, {backlog, 1024}, {ip, {127, 0, 0, 1}} | Options]),
    {ok, Port} = inet:port(Listener),
    Active = proplists:get_value(active, Options),
    spawn_link(fun() -> accept(Listener, Active) end),
    {Listener, Port}.

accept(Listener, Active) ->
    case gen_tcp:accept(Listener) of
        {ok, Socket} ->
            Pid = spawn(fun() -> receive go -> serve(Socket, Active) end end),
            ok = gen_tcp:controlling_process(Socket, Pid),
            Pid ! go,
            accept(Listener, Active);
        {error, closed} ->
            ok
    end.

serve(Socket, false) ->
    case gen_tcp:recv(Socket, 0) of
        {ok, Data} -> gen_tcp:send(Socket, Data), serve(Socket, false);
        {error, _} -> gen_tcp:close(Socket)
    end;
serve(Socket, Active) ->
    receive
        {tcp, Socket, Data} ->
            gen_tcp:send(Socket, Data),
            again(Socket, Active),
            serve(Socket, Active);
        {tcp_closed, Socket} ->
            ok
    end.
