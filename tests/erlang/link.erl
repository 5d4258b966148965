%% Links: exit signals, trapping, normal and kill, links to the dead, unlink.
-module(link).
-export([main/0]).

main() ->
    process_flag(trap_exit, true),
    show(reason(spawn_link(fun() -> exit(bye) end))),  %% expect: bye
    show(reason(spawn_link(fun() -> ok end))),  %% expect: normal
    logger:set_primary_config(level, none),
    show(element(1, reason(spawn_link(fun() -> error(oops) end)))),  %% expect: oops
    show(element(1, reason(spawn_link(fun() -> throw(ball) end)))),  %% expect: {nocatch,ball}
    show(chain()),  %% expect: end_of_chain
    Dead = spawn(fun() -> ok end),
    wait(Dead),
    link(Dead),
    show(reason(Dead)),  %% expect: noproc
    Pid = spawn_link(fun() -> receive stop -> ok end end),
    unlink(Pid),
    exit(Pid, kill),
    show(receive {'EXIT', Pid, _} -> signal after 50 -> nothing end),  %% expect: nothing
    Trapper = spawn_link(fun() -> process_flag(trap_exit, true), receive M -> exit({got, element(1, M), element(3, M)}) end end),
    erlang:yield(),
    timer:sleep(20),
    exit(Trapper, normal),
    show(reason(Trapper)),  %% expect: {got,'EXIT',normal}
    Killed = spawn_link(fun() -> process_flag(trap_exit, true), receive after infinity -> ok end end),
    exit(Killed, kill),
    show(reason(Killed)),  %% expect: killed
    Ignores = spawn_link(fun() -> receive stop -> exit(stopped) end end),
    exit(Ignores, normal),
    Ignores ! stop,
    show(reason(Ignores)),  %% expect: stopped
    show(catch link(self())),  %% expect: true
    exit(self(), normal),
    show(receive {'EXIT', From, normal} -> From =:= self() after 1000 -> none end),  %% expect: true
    show(process_info(self(), links) =/= {links, [self()]}).  %% expect: true

%% The death of the last kills all in the chain.
chain() ->
    Self = self(),
    Pid = spawn_link(fun() -> chain(50, Self) end),
    receive {'EXIT', Pid, Reason} -> Reason end.

chain(0, _) -> exit(end_of_chain);
chain(N, Top) ->
    spawn_link(fun() -> chain(N - 1, Top) end),
    receive after infinity -> ok end.

reason(Pid) -> receive {'EXIT', Pid, Reason} -> Reason after 2000 -> none end.

wait(Pid) ->
    case is_process_alive(Pid) of
        true -> erlang:yield(), wait(Pid);
        false -> ok
    end.

show(Term) -> io:format("~0tp~n", [Term]).
