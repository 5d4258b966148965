%% Registered names: registering, sending, looking up, and the end of the process.
-module(registered).
-export([main/0]).

main() ->
    Pid = spawn(fun Loop() -> receive {From, X} -> From ! {got, X}, Loop(); stop -> ok end end),
    show(register(server, Pid)),  %% expect: true
    show(whereis(server) =:= Pid),  %% expect: true
    server ! {self(), 1},
    show(receive {got, X} -> X end),  %% expect: 1
    {server, node()} ! {self(), 2},
    show(receive {got, Y} -> Y end),  %% expect: 2
    show(caught(fun() -> register(server, self()) end)),  %% expect: {error,badarg}
    show(caught(fun() -> register(other, Pid) end)),  %% expect: {error,badarg}
    show(caught(fun() -> register(dead, list_to_pid("<0.99999.0>")) end)),  %% expect: {error,badarg}
    show(lists:member(server, erlang:registered())),  %% expect: true
    show(process_info(Pid, registered_name)),  %% expect: {registered_name,server}
    show(unregister(server)),  %% expect: true
    show({whereis(server), process_info(Pid, registered_name)}),  %% expect: {undefined,[]}
    show(caught(fun() -> unregister(server) end)),  %% expect: {error,badarg}
    show(caught(fun() -> server ! x end)),  %% expect: {error,badarg}
    show(caught(fun() -> erlang:send({server, node()}, x) end)),  %% expect: {value,x}
    true = register(server, Pid),
    Ref = monitor(process, server),
    server ! stop,
    show(receive {'DOWN', Ref, process, {Name, Node}, Reason} -> {Name, Node =:= node(), Reason} end),  %% expect: {server,true,normal}
    show(whereis(server)),  %% expect: undefined
    show(erlang:send(self(), hello, [nosuspend, noconnect])),  %% expect: ok
    show(receive hello -> hello end).  %% expect: hello

show(Term) -> io:format("~0tp~n", [Term]).

caught(Fun) ->
    try Fun() of
        Value -> {value, Value}
    catch
        Class:Reason -> {Class, Reason}
    end.
