%% Names and addresses through `net`: the loopback interface, numbers, and what is no name.
-module(net_names).
-export([main/0]).

main() ->
    %% expect: {ok,[{lo,[#{addr => #{addr => {127,0,0,1},family => inet,port => 0},flags => [up,loopback,running],name => "lo",netmask => #{addr => {255,0,0,0},family => inet,port => 0}}]}]}
    {ok, Inet} = net:getifaddrs(#{family => inet, flags => [loopback]}),
    show({ok, [{lo, [A || A = #{name := "lo", addr := #{addr := {127,0,0,1}}} <- Inet]}]}),
    %% expect: [{packet,loopback,host,<<0,0,0,0,0,0>>}]
    {ok, Packet} = net:getifaddrs(packet),
    show([{F, H, P, B} || #{name := "lo", addr := #{family := F, hatype := H, pkttype := P, addr := B}} <- Packet]),
    {ok, Index} = net:if_name2index("lo"),
    %% expect: {ok,"lo"}
    show(net:if_index2name(Index)),
    %% expect: true
    {ok, Names} = net:if_names(),
    show(lists:member({Index, "lo"}, Names)),
    %% expect: [{error,enodev},{error,einval},{error,enxio}]
    show([net:if_name2index("no-such-one"), net:if_name2index("a-name-far-too-long"), net:if_index2name(99999)]),
    %% expect: [#{addr => #{addr => {127,0,0,1},family => inet,port => 80},family => inet,protocol => tcp,type => stream}]
    {ok, Four} = net:getaddrinfo("127.0.0.1", "80"),
    show([I || I = #{type := stream} <- Four]),
    %% expect: [#{addr => #{addr => {0,0,0,0,0,0,0,1},family => inet6,flowinfo => 0,port => 80,scope_id => 0},family => inet6,protocol => udp,type => dgram}]
    {ok, Six} = net:getaddrinfo("::1", "80"),
    show([I || I = #{type := dgram} <- Six]),
    %% expect: [{error,eservice},badarg,{error,enoent},badarg]
    show([net:getaddrinfo("127.0.0.1", "no service"),
          caught(fun() -> net:getaddrinfo("127.0.0.1", [-1]) end),
          prim_net:getifaddrs(#{netns => "no-such-space"}),
          caught(fun() -> prim_net:getifaddrs(#{netns => space}) end)]),
    Loopback = #{family => inet, addr => loopback, port => 80},
    %% expect: {ok,#{host => "127.0.0.1",service => "80"}}
    show(net:getnameinfo(Loopback, [numerichost, numericserv])),
    %% expect: {ok,#{host => "::1",service => "80"}}
    show(net:getnameinfo(#{family => inet6, addr => loopback, port => 80}, [numerichost, numericserv])),
    %% expect: [{error,einval},badarg,badarg]
    show([net:getnameinfo(Loopback#{port => no_port}, [numerichost]),
          caught(fun() -> net:getnameinfo(Loopback, [no_flag]) end),
          caught(fun() -> prim_net:getnameinfo(Loopback, 1) end)]),
    %% expect: [{error,einval},ok,#{debug => false},{error,einval}]
    show([net:command(no_command), net:command({debug, false}), net:info(), net:command({debug, 1})]),
    %% expect: notsup
    show(caught(fun() -> prim_net:get_if_entry(#{index => 1}) end)).

show(Term) -> io:format("~0p~n", [Term]).

caught(Fun) ->
    try Fun() catch error:Reason -> Reason end.
