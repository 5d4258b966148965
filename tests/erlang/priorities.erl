%% A process of lower priority answers one of higher priority although others of that priority never wait.
%% flags: +S 1
-module(priorities).
-export([main/0]).

main() ->
    process_flag(priority, max),
    [show({Kind, Prio, answers(Kind, Prio)}) || Kind <- [spins, waits], Prio <- [low, normal, high]],
    %% expect: {spins,low,[true,true,true,true,true]}
    %% expect: {spins,normal,[true,true,true,true,true]}
    %% expect: {spins,high,[true,true,true,true,true]}
    %% expect: {waits,low,[true,true,true,true,true]}
    %% expect: {waits,normal,[true,true,true,true,true]}
    %% expect: {waits,high,[true,true,true,true,true]}
    show(tasks()),
    %% expect: [m,h,{n,1},{n,2},{n,3},{n,4},{n,5},{n,6},{n,7},{n,8},l,{n,9}]
    show(without_collections()).
    %% expect: [none,true]

%% What is asked of a new process while one of priority max spins.
answers(Kind, Prio) ->
    Me = self(),
    {Pid, Ref} = spawn_opt(fun() ->
        Other = spawn_opt(fun() -> run(Kind) end, [{priority, Prio}]),
        Spinner = spawn_opt(fun() -> run(spins) end, [{priority, max}]),
        async = erlang:garbage_collect(Other, [{async, x}]),
        Led = group_leader(Me, Other),
        Collected = receive {garbage_collect, x, Done} -> Done end,
        Clean = not erlang:check_process_code(Other, lists),
        Alive = is_process_alive(Other),
        {status, Status} = process_info(Other, status),
        [exit(P, kill) || P <- [Other, Spinner]],
        exit([Led, Collected, Clean, Alive, is_atom(Status)])
    end, [monitor, {priority, max}]),
    receive {'DOWN', Ref, process, Pid, Answers} -> Answers after 20000 -> hangs end.

run(spins) -> run(spins);
run(waits) -> receive stop -> ok end.

%% Tasks of a process are done by their priority; eight of normal priority go before one of low.
tasks() ->
    Pid = spawn_opt(fun() -> run(waits) end, [link]),
    Tasks = [{low, l}] ++ [{normal, {n, I}} || I <- lists:seq(1, 9)] ++ [{high, h}, {max, m}],
    [ok = erts_internal:request_system_task(Pid, Prio, {system_task_test, Id}) || {Prio, Id} <- Tasks],
    [receive {system_task_test, Id, true} -> Id end || _ <- Tasks].

%% Where collections are switched off, one that is asked for waits.
without_collections() ->
    erts_debug:set_internal_state(available_internal_state, true),
    Me = self(),
    Pid = spawn_link(fun() ->
        true = erts_debug:set_internal_state(gc_state, false),
        Me ! off,
        receive on -> ok end,
        false = erts_debug:set_internal_state(gc_state, true),
        receive stop -> ok end
    end),
    receive off -> ok end,
    async = erlang:garbage_collect(Pid, [{async, id}]),
    true = is_process_alive(Pid),
    First = receive {garbage_collect, id, Result} -> Result after 100 -> none end,
    Pid ! on,
    Second = receive {garbage_collect, id, Result2} -> Result2 after 5000 -> late end,
    Pid ! stop,
    [First, Second].

show(Term) -> io:format("~0p~n", [Term]).
