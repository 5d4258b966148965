%% Requests to a small HTTP server on gen_tcp, over one connection; the system's parser reads both ways.
-module(io_http).
-export([size/0, run/1, expected/1, ops/1]).

size() -> 5000.
ops(N) -> N.
expected(N) -> N.

run(N) ->
    Options = [binary, {active, false}, {packet, http_bin}, {nodelay, true}],
    {ok, Listener} = gen_tcp:listen(0, [{ip, {127, 0, 0, 1}} | Options]),
    {ok, Port} = inet:port(Listener),
    spawn_link(fun() -> {ok, Socket} = gen_tcp:accept(Listener), serve(Socket) end),
    {ok, Socket} = gen_tcp:connect({127, 0, 0, 1}, Port, Options),
    Count = request(Socket, N, 0),
    gen_tcp:close(Socket),
    gen_tcp:close(Listener),
    Count.

request(_, 0, Count) -> Count;
request(Socket, N, Count) ->
    ok = gen_tcp:send(Socket, <<"GET /index.html HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\n\r\n">>),
    {ok, {http_response, {1, 1}, 200, _}} = gen_tcp:recv(Socket, 0),
    Length = headers(Socket, 0),
    ok = inet:setopts(Socket, [{packet, raw}]),
    {ok, <<"hello, world">>} = gen_tcp:recv(Socket, Length),
    ok = inet:setopts(Socket, [{packet, http_bin}]),
    request(Socket, N - 1, Count + 1).

headers(Socket, Length) ->
    case gen_tcp:recv(Socket, 0) of
        {ok, {http_header, _, 'Content-Length', _, Value}} -> headers(Socket, binary_to_integer(Value));
        {ok, {http_header, _, _, _, _}} -> headers(Socket, Length);
        {ok, http_eoh} -> Length
    end.

serve(Socket) ->
    case gen_tcp:recv(Socket, 0) of
        {ok, {http_request, 'GET', {abs_path, <<"/index.html">>}, {1, 1}}} ->
            0 = headers(Socket, 0),
            ok = gen_tcp:send(Socket, [
                <<"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 12\r\n\r\n">>,
                <<"hello, world">>
            ]),
            serve(Socket);
        {error, closed} ->
            gen_tcp:close(Socket)
    end.
