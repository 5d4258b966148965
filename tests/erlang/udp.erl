%% Datagram sockets, local sockets, IPv6, and what inet knows of interfaces, services and statistics.
-module(udp).
-export([main/0]).

main() ->
    erlang:display(passive()),
    %% expect: [{ok,{{127,0,0,1},true,<<"hello">>}},{error,timeout}]
    erlang:display(active()),
    %% expect: [{{127,0,0,1},<<"a">>},{{127,0,0,1},<<"b">>},udp_passive]
    erlang:display(connected()),
    %% expect: {{ok,<<"pong">>},{error,econnrefused}}
    erlang:display(header()),
    %% expect: {ok,[97,98|<<"cd">>]}
    erlang:display(ancillary()),
    %% expect: {[{tos,32}],<<"x">>}
    erlang:display(six()),
    %% expect: {{0,0,0,0,0,0,0,1},<<"six">>}
    erlang:display(local()),
    %% expect: [{ok,<<"stream">>},true,<<"datagram">>]
    erlang:display(statistics()),
    %% expect: {ok,[{recv_cnt,2},{recv_oct,5},{recv_max,3},{send_cnt,0},{send_pend,0}]}
    erlang:display(services()),
    %% expect: {{ok,80},{error,einval}}
    erlang:display(interfaces()),
    %% expect: {true,true}
    erlang:display(too_long()),
    %% expect: {error,emsgsize}
    erlang:display(gen_udp:open(0, [{ip, {1,2,3,4}}])),
    %% expect: {error,eaddrnotavail}
    ok.

pair(Options) ->
    {ok, A} = gen_udp:open(0, [binary, {ip, {127,0,0,1}}, {active, false} | Options]),
    {ok, B} = gen_udp:open(0, [binary, {ip, {127,0,0,1}}, {active, false} | Options]),
    {ok, Port} = inet:port(B),
    {A, B, Port}.

passive() ->
    {A, B, Port} = pair([]),
    ok = gen_udp:send(A, {127,0,0,1}, Port, ["hel", <<"lo">>]),
    {ok, {Ip, From, Data}} = gen_udp:recv(B, 0),
    [{ok, {Ip, {ok, From} =:= inet:port(A), Data}}, gen_udp:recv(B, 0, 20)].

active() ->
    {A, B, Port} = pair([]),
    ok = inet:setopts(B, [{active, 2}]),
    ok = gen_udp:send(A, "localhost", Port, "a"),
    ok = gen_udp:send(A, {{127,0,0,1}, Port}, "b"),
    [receive
         {udp, B, Ip, _, Data} -> {Ip, Data};
         {Tag, B} -> Tag
     end || _ <- [1, 2, 3]].

connected() ->
    {A, B, Port} = pair([]),
    ok = gen_udp:connect(A, {127,0,0,1}, Port),
    ok = gen_udp:send(A, "ping"),
    {ok, {Ip, From, <<"ping">>}} = gen_udp:recv(B, 0),
    ok = gen_udp:send(B, Ip, From, "pong"),
    {ok, {_, Port, Pong}} = gen_udp:recv(A, 0),
    gen_udp:close(B),
    ok = gen_udp:send(A, "ping"),
    {{ok, Pong}, gen_udp:recv(A, 0, 1000)}.

header() ->
    {A, B, Port} = pair([{header, 2}]),
    ok = gen_udp:send(A, {127,0,0,1}, Port, "abcd"),
    {ok, {_, _, Data}} = gen_udp:recv(B, 0),
    {ok, Data}.

ancillary() ->
    {A, B, Port} = pair([]),
    ok = inet:setopts(B, [{recvtos, true}]),
    ok = gen_udp:send(A, {127,0,0,1}, Port, [{tos, 32}], "x"),
    {ok, {_, _, Ancillary, Data}} = gen_udp:recv(B, 0),
    {Ancillary, Data}.

six() ->
    {ok, A} = gen_udp:open(0, [binary, inet6, {active, false}]),
    {ok, B} = gen_udp:open(0, [binary, inet6, {ip, loopback}, {active, true}]),
    {ok, Port} = inet:port(B),
    ok = gen_udp:send(A, {0,0,0,0,0,0,0,1}, Port, "six"),
    receive {udp, B, Ip, _, Data} -> {Ip, Data} end.

local() ->
    {ok, Dir} = file:get_cwd(),
    _ = Dir,
    Name = "/tmp/lintel-local-" ++ os:getpid(),
    {ok, L} = gen_tcp:listen(0, [binary, {ifaddr, {local, Name}}, {active, false}]),
    {ok, A} = gen_tcp:connect({local, Name}, 0, [binary, {active, false}]),
    {ok, B} = gen_tcp:accept(L),
    ok = gen_tcp:send(A, "stream"),
    Stream = gen_tcp:recv(B, 6),
    Peer = inet:peername(A) =:= {ok, {local, list_to_binary(Name)}},
    ok = file:delete(Name),
    Abstract = <<0, "lintel-", (list_to_binary(os:getpid()))/binary>>,
    {ok, U} = gen_udp:open(0, [binary, {ifaddr, {local, Abstract}}, {active, false}]),
    {ok, V} = gen_udp:open(0, [binary, local]),
    ok = gen_udp:send(V, {local, Abstract}, 0, "datagram"),
    {ok, {_, 0, Datagram}} = gen_udp:recv(U, 0),
    [Stream, Peer, Datagram].

statistics() ->
    {A, B, Port} = pair([]),
    [ok = gen_udp:send(A, {127,0,0,1}, Port, D) || D <- ["ab", "cde"]],
    [{ok, _} = gen_udp:recv(B, 0) || _ <- [1, 2]],
    inet:getstat(B, [recv_cnt, recv_oct, recv_max, send_cnt, send_pend]).

services() ->
    {inet:getservbyname(http, tcp), inet:getservbyname(no_such_service, tcp)}.

interfaces() ->
    {ok, All} = inet:getifaddrs(),
    {"lo", Loopback} = lists:keyfind("lo", 1, All),
    {ok, Some} = inet:ifget("lo", [addr, netmask]),
    {lists:member({addr, {127,0,0,1}}, Loopback), lists:member({addr, {127,0,0,1}}, Some)}.

too_long() ->
    {A, _, Port} = pair([]),
    gen_udp:send(A, {127,0,0,1}, Port, binary:copy(<<0>>, 70000)).
