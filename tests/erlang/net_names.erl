%% Module net: interfaces, names of hosts and services.
-module(net_names).
-export([main/0]).

main() ->
    {ok, All} = net:getifaddrs(#{}),
    [Lo | _] = [I || #{name := "lo", addr := #{family := inet}} = I <- All],
    show(lists:sort(maps:keys(Lo))),  %% expect: [addr,flags,name,netmask]
    show(maps:get(addr, Lo)),  %% expect: #{addr => {127,0,0,1},family => inet,port => 0}
    show(lists:member(loopback, maps:get(flags, Lo))),  %% expect: true
    {ok, Index} = net:if_name2index("lo"),
    show([net:if_index2name(Index), lists:member({Index, "lo"}, element(2, net:if_names()))]),  %% expect: [{ok,"lo"},true]
    show([net:if_name2index("nosuchname"), net:if_index2name(99999)]),  %% expect: [{error,enodev},{error,enxio}]
    show(net:gethostname() =:= inet:gethostname()),  %% expect: true
    {ok, Found} = net:getaddrinfo("127.0.0.1", "80"),
    show(lists:usort([{F, A} || #{family := F, addr := A} <- Found])),  %% expect: [{inet,#{addr => {127,0,0,1},family => inet,port => 80}}]
    Loopback = #{family => inet, port => 80, addr => {127, 0, 0, 1}},
    show(net:getnameinfo(Loopback, [numerichost, numericserv])),  %% expect: {ok,#{host => "127.0.0.1",service => "80"}}
    show(net:getnameinfo(#{family => inet6, port => 1, addr => loopback, flowinfo => 0, scope_id => 0}, [numerichost, numericserv])),  %% expect: {ok,#{host => "::1",service => "1"}}
    show(net:getnameinfo(#{family => inet, port => 80, addr => {1, 2, 3, 400}}, [])).  %% expect: {error,einval}

show(Term) -> io:format("~0p~n", [Term]).
