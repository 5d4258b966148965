%% Monitors: down messages, demonitor and its options, names, aliases, spawn_monitor.
-module(monitor).
-export([main/0]).

main() ->
    {Pid, Ref} = spawn_monitor(fun() -> exit(done) end),
    show(receive {'DOWN', Ref, process, Pid, Reason} -> Reason end),  %% expect: done
    Late = erlang:monitor(process, Pid),
    show(receive {'DOWN', Late, process, Pid, Why} -> Why end),  %% expect: noproc
    ByName = erlang:monitor(process, nobody_has_this_name),
    show(receive {'DOWN', ByName, process, Object, NoProc} -> {Object =:= {nobody_has_this_name, node()}, NoProc} end),  %% expect: {true,noproc}
    Waiting = spawn(fun() -> receive stop -> exit(stopped) end end),
    R1 = erlang:monitor(process, Waiting),
    R2 = erlang:monitor(process, Waiting),
    show({demonitor(R1), demonitor(R1)}),  %% expect: {true,true}
    Waiting ! stop,
    show(receive {'DOWN', R, process, Waiting, Stopped} -> {R =:= R2, Stopped} end),  %% expect: {true,stopped}
    show(receive {'DOWN', R1, _, _, _} -> wrong after 20 -> nothing end),  %% expect: nothing
    {Quick, Q} = spawn_monitor(fun() -> ok end),
    timer:sleep(20),
    show({demonitor(Q, [flush, info]), is_process_alive(Quick)}),  %% expect: {false,false}
    show(receive {'DOWN', Q, _, _, _} -> wrong after 0 -> flushed end),  %% expect: flushed
    show(element(1, element(2, catch erlang:monitor(no_such_type, Pid)))),  %% expect: badarg
    {_, Tagged} = spawn_opt(fun() -> exit(x) end, [{monitor, [{tag, {my, tag}}]}]),
    show(receive {{my, tag}, Tagged, process, _, X} -> X end),  %% expect: x
    Alias = alias([reply]),
    spawn(fun() -> Alias ! one, Alias ! two end),
    show(receive one -> one after 1000 -> none end),  %% expect: one
    show(receive two -> two after 20 -> alias_is_gone end),  %% expect: alias_is_gone
    Explicit = alias(),
    show({unalias(Explicit), unalias(Explicit)}),  %% expect: {true,false}
    Explicit ! lost,
    show(receive lost -> wrong after 20 -> nothing end),  %% expect: nothing
    show(process_info(self(), monitors)).  %% expect: {monitors,[]}

show(Term) -> io:format("~0tp~n", [Term]).
