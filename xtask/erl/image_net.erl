%% Servers that run inside an image: TCP echo, HTTP, UDP echo, a forwarder of name queries, and look-ups.
-module(image_net).
-export([start/0]).

-define(ECHO, 7).
-define(HTTP, 80).
-define(DNS, 53).

%% The last argument is the port of the host where name queries are answered; the host is the gateway.
start() ->
    {ok, [[Port]]} = init:get_argument(names),
    spawn(fun() -> forward_names({{10,0,2,2}, list_to_integer(Port)}) end),
    {ok, Echo} = gen_tcp:listen(?ECHO, [binary, {active, false}, {reuseaddr, true}, {backlog, 64}]),
    spawn_link(fun() -> accept(Echo, fun echo/1) end),
    {ok, Http} = gen_tcp:listen(?HTTP, [binary, {active, false}, {packet, http_bin}, {reuseaddr, true}]),
    spawn_link(fun() -> accept(Http, fun http/1) end),
    {ok, Udp} = gen_udp:open(?ECHO, [binary, {active, true}]),
    io:format("schedulers ~p~n", [erlang:system_info(schedulers_online)]),
    io:format("serving~n"),
    udp_echo(Udp).

accept(Listen, Serve) ->
    {ok, Socket} = gen_tcp:accept(Listen),
    Pid = spawn(fun() -> receive go -> Serve(Socket) end end),
    ok = gen_tcp:controlling_process(Socket, Pid),
    Pid ! go,
    accept(Listen, Serve).

echo(Socket) ->
    ok = inet:setopts(Socket, [{active, once}]),
    receive
        {tcp, Socket, Bytes} ->
            ok = gen_tcp:send(Socket, Bytes),
            echo(Socket);
        {tcp_closed, Socket} ->
            ok
    end.

%% One request a connection. The path chooses what is answered.
http(Socket) ->
    {ok, {http_request, 'GET', {abs_path, Path}, _}} = gen_tcp:recv(Socket, 0),
    headers(Socket),
    Body = iolist_to_binary(page(binary_to_list(Path))),
    ok = gen_tcp:send(Socket, ["HTTP/1.1 200 OK\r\nContent-Length: ", integer_to_list(byte_size(Body)),
                               "\r\nConnection: close\r\n\r\n", Body]),
    gen_tcp:close(Socket).

headers(Socket) ->
    case gen_tcp:recv(Socket, 0) of
        {ok, http_eoh} -> ok;
        {ok, {http_header, _, _, _, _}} -> headers(Socket)
    end.

page("/digits/" ++ Bytes) ->
    N = list_to_integer(Bytes),
    binary:part(binary:copy(<<"0123456789">>, N div 10 + 1), 0, N);
page("/native/" ++ Name) -> io_lib:format("~p", [inet_gethost_native:gethostbyname(Name)]);
page("/resolver/" ++ Name) -> io_lib:format("~p", [inet_res:lookup(Name, in, a)]);
page("/stop") -> spawn(fun() -> timer:sleep(100), init:stop() end), "stopping";
page(Path) -> ["you asked for ", Path].

udp_echo(Socket) ->
    receive
        {udp, Socket, Address, Port, Bytes} ->
            ok = gen_udp:send(Socket, Address, Port, Bytes),
            udp_echo(Socket)
    end.

%% Name queries to this machine's own port 53 are handed to the host, and its answers back.
forward_names(Host) ->
    {ok, Socket} = gen_udp:open(?DNS, [binary, {ip, {127,0,0,1}}, {active, true}]),
    forward_names(Socket, Host).

forward_names(Socket, {Address, Port} = Host) ->
    receive
        {udp, Socket, From, FromPort, Query} ->
            spawn(fun() ->
                {ok, Out} = gen_udp:open(0, [binary, {active, false}]),
                ok = gen_udp:send(Out, Address, Port, Query),
                {ok, {_, _, Answer}} = gen_udp:recv(Out, 0, 10000),
                ok = gen_udp:send(Socket, From, FromPort, Answer)
            end),
            forward_names(Socket, Host)
    end.
