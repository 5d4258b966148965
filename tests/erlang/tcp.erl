%% Stream sockets: listening, connecting, passive and active receiving, options, names, endings.
-module(tcp).
-export([main/0]).

main() ->
    erlang:display(echo(binary)),
    %% expect: {ok,<<"hello">>}
    erlang:display(echo(list)),
    %% expect: {ok,"hello"}
    erlang:display(active()),
    %% expect: [<<"one">>,<<"two">>,passive,<<"three">>,passive,closed]
    erlang:display(counted()),
    %% expect: [<<"a">>,<<"b">>,tcp_passive,{ok,[{active,false}]}]
    erlang:display(exact()),
    %% expect: [{ok,<<"ab">>},{ok,<<"cde">>},{error,timeout},{ok,<<"f">>},{error,closed},{error,closed}]
    erlang:display(names()),
    %% expect: {true,true,{127,0,0,1}}
    erlang:display(refused()),
    %% expect: {error,econnrefused}
    erlang:display(accepts()),
    %% expect: [{error,timeout},{error,closed},{error,closed}]
    erlang:display(options()),
    %% expect: {ok,[{active,false},{packet,0},{mode,binary},{buffer,4711},{nodelay,true},{keepalive,true},{header,0},{high_watermark,8192},{low_watermark,4096},{send_timeout,infinity},{linger,{false,0}}]}
    erlang:display(half()),
    %% expect: {{ok,<<"request">>},{ok,<<"answer">>}}
    erlang:display(large()),
    %% expect: 10000000
    erlang:display(owner_gone()),
    %% expect: {error,closed}
    ok.

pair(Options) ->
    {ok, L} = gen_tcp:listen(0, [{active, false}, {reuseaddr, true} | Options]),
    {ok, Port} = inet:port(L),
    {ok, A} = gen_tcp:connect({127,0,0,1}, Port, [{active, false} | Options]),
    {ok, B} = gen_tcp:accept(L),
    gen_tcp:close(L),
    {A, B}.

echo(Mode) ->
    {A, B} = pair([Mode]),
    spawn_link(fun() -> gen_tcp:controlling_process(B, self()), loop(B) end),
    ok = gen_tcp:send(A, ["hel", <<"lo">>]),
    Answer = gen_tcp:recv(A, 5),
    gen_tcp:close(A),
    Answer.

loop(S) ->
    case gen_tcp:recv(S, 0) of
        {ok, Data} -> ok = gen_tcp:send(S, Data), loop(S);
        {error, closed} -> ok
    end.

active() ->
    {A, B} = pair([binary, {packet, 2}]),
    ok = inet:setopts(A, [{active, true}]),
    [ok = gen_tcp:send(B, D) || D <- ["one", "two"]],
    One = receive {tcp, A, D1} -> D1 end,
    Two = receive {tcp, A, D2} -> D2 end,
    ok = inet:setopts(A, [{active, once}]),
    [ok = gen_tcp:send(B, D) || D <- ["three", "four"]],
    None = receive {tcp, A, _} = Early -> {early, Early =:= {tcp, A, <<"three">>}} after 0 -> passive end,
    Three = case None of
        passive -> receive {tcp, A, D3} -> D3 end;
        {early, true} -> <<"three">>
    end,
    Again = receive {tcp, A, _} -> early after 100 -> passive end,
    gen_tcp:close(B),
    {ok, <<"four">>} = gen_tcp:recv(A, 0),
    ok = inet:setopts(A, [{active, true}]),
    End = receive {tcp_closed, A} -> closed end,
    [One, Two, passive, Three, Again, End].

counted() ->
    {A, B} = pair([binary, {packet, 1}]),
    ok = inet:setopts(A, [{active, 2}]),
    [ok = gen_tcp:send(B, D) || D <- ["a", "b", "c"]],
    First = receive {tcp, A, D1} -> D1 end,
    Second = receive {tcp, A, D2} -> D2 end,
    End = receive {Tag, A} -> Tag end,
    [First, Second, End, inet:getopts(A, [active])].

exact() ->
    {A, B} = pair([binary]),
    ok = gen_tcp:send(B, "abcdef"),
    Two = gen_tcp:recv(A, 2),
    Three = gen_tcp:recv(A, 3),
    Late = gen_tcp:recv(A, 2, 50),
    One = gen_tcp:recv(A, 0),
    gen_tcp:close(B),
    Closed = gen_tcp:recv(A, 0),
    gen_tcp:close(A),
    [Two, Three, Late, One, Closed, gen_tcp:recv(A, 0)].

names() ->
    {A, B} = pair([]),
    {ok, {Host, _}} = inet:sockname(A),
    {inet:sockname(A) =:= inet:peername(B), inet:sockname(B) =:= inet:peername(A), Host}.

refused() ->
    {ok, L} = gen_tcp:listen(0, []),
    {ok, Port} = inet:port(L),
    gen_tcp:close(L),
    gen_tcp:connect("localhost", Port, []).

accepts() ->
    {ok, L} = gen_tcp:listen(0, []),
    Timeout = gen_tcp:accept(L, 20),
    Self = self(),
    [spawn_link(fun() -> Self ! {accepted, gen_tcp:accept(L)} end) || _ <- [1, 2]],
    timer:sleep(50),
    gen_tcp:close(L),
    [Timeout | [receive {accepted, Result} -> Result end || _ <- [1, 2]]].

options() ->
    {A, _} = pair([binary]),
    ok = inet:setopts(A, [{buffer, 4711}, {nodelay, true}, {keepalive, true}]),
    inet:getopts(A, [active, packet, mode, buffer, nodelay, keepalive, header, high_watermark, low_watermark,
                     send_timeout, linger]).

half() ->
    {A, B} = pair([binary, {exit_on_close, false}]),
    ok = gen_tcp:send(A, "request"),
    ok = gen_tcp:shutdown(A, write),
    Request = gen_tcp:recv(B, 7),
    {error, closed} = gen_tcp:recv(B, 0),
    ok = gen_tcp:send(B, "answer"),
    gen_tcp:close(B),
    {Request, gen_tcp:recv(A, 0)}.

large() ->
    {A, B} = pair([binary]),
    Data = binary:copy(<<"0123456789">>, 1000000),
    spawn_link(fun() -> ok = gen_tcp:send(A, Data) end),
    {ok, Received} = gen_tcp:recv(B, byte_size(Data)),
    true = Received =:= Data,
    byte_size(Received).

owner_gone() ->
    Self = self(),
    {ok, L} = gen_tcp:listen(0, [{active, false}]),
    {ok, Port} = inet:port(L),
    spawn(fun() ->
        {ok, _} = gen_tcp:connect({127,0,0,1}, Port, []),
        Self ! connected,
        receive stop -> ok end
    end) ! stop,
    {ok, B} = gen_tcp:accept(L),
    receive connected -> ok end,
    gen_tcp:recv(B, 0, 5000).
