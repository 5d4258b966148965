%% Mixed work on all schedulers for a while: each worker picks an operation at random, again and again, and checks
%% every answer; at the end, that processes, ports, tables, atoms and memory are what they were. Ends with code 1
%% where something is wrong or somebody is stuck; else prints what was done.
%%
%%     cargo xtask soak --minutes 2
%% or
%%     erlc tests/soak/soak.erl
%%     lintel erl +S 2 -noshell -s soak main -s init stop -extra SECONDS
-module(soak).
-export([main/0, main/1, worker/4, echo/1, tagged/1]).

-define(WORKERS, 24).

main() ->
    [Seconds] = init:get_plain_arguments(),
    main(list_to_integer(Seconds)).

main(Seconds) ->
    process_flag(trap_exit, true),
    logger:set_primary_config(level, none),
    Counters = counters:new(64, [write_concurrency]),
    Until = erlang:monotonic_time(millisecond) + Seconds * 1000,
    code_binaries(),
    Before = what_there_is(),
    Shared = ets:new(shared, [public, set, {write_concurrency, true}, {read_concurrency, true}]),
    Ordered = ets:new(ordered, [public, ordered_set, {write_concurrency, true}]),
    Pids = [spawn_link(?MODULE, worker, [N, Until, {Shared, Ordered}, Counters]) || N <- lists:seq(1, ?WORKERS)],
    wait(Pids, Until),
    Names = names(),
    Total = lists:sum([counters:get(Counters, N) || N <- lists:seq(1, length(Names))]),
    [io:format("~-20s ~w~n", [Name, counters:get(Counters, N)]) || {N, Name} <- lists:zip(lists:seq(1, length(Names)), Names)],
    ets:delete(Shared),
    ets:delete(Ordered),
    back_to(Before, 50),
    io:format("total ~w operations, ~w processes left, ~w MB~n", [Total, length(processes()), erlang:memory(total) div 1000000]).

%% What must be there again at the end, and what may have grown a little.
what_there_is() ->
    [garbage_collect(P) || P <- processes()],
    #{processes => length(processes()), ports => length(erlang:ports()), tables => length(ets:all()),
      queued => lists:sum([N || P <- processes(), {message_queue_len, N} <- [process_info(P, message_queue_len)]]),
      memory => erlang:memory(total), names => length(registered())}.

%% Ends and clean-ups may take a while.
back_to(Before, Tries) ->
    Now = what_there_is(),
    Grown = maps:get(memory, Now) - maps:get(memory, Before),
    case maps:remove(memory, Now) =:= maps:remove(memory, Before) andalso Grown < 30000000 of
        true -> ok;
        false when Tries > 0 -> timer:sleep(100), back_to(Before, Tries - 1);
        false -> io:format("left behind: ~p~nbefore: ~p~n", [Now, Before]), halt(1)
    end.

wait([], _) -> ok;
wait(Pids, Until) ->
    receive
        {'EXIT', Pid, normal} -> wait(Pids -- [Pid], Until);
        {'EXIT', Pid, Reason} ->
            case lists:member(Pid, Pids) of
                true -> io:format("worker ~p failed: ~p~n", [Pid, Reason]), halt(1);
                false -> wait(Pids, Until)
            end;
        Other -> io:format("main got ~p~n", [Other]), halt(1)
    after 20000 ->
        case erlang:monotonic_time(millisecond) > Until + 15000 of
            true ->
                io:format("stuck: ~p~n", [[{P, process_info(P, [registered_name, current_stacktrace, status, message_queue_len, messages])} || P <- processes(), not lists:member(P, tl(Pids))]]),
                halt(1);
            false -> wait(Pids, Until)
        end
    end.

names() ->
    [spawn_monitor, spawn_link, ping, timer, ets, ets_ordered, link_chain, exit_kill, process_info, register,
     code, port, fan_in, suspend, alias, big_message, selective, gc_other, ets_table, spawn_burst, unlink_race,
     monitor_race, timer_cancel, persistent, atoms, binary_share, priority, online, group_leader, hibernate].

worker(N, Until, Tables, Counters) ->
    process_flag(trap_exit, true),
    rand:seed(exsss, {N, N * 7, erlang:system_time()}),
    loop(N, Until, Tables, Counters, list_to_tuple(names())).

loop(N, Until, Tables, Counters, Names) ->
    case erlang:monotonic_time(millisecond) >= Until of
        true -> ok;
        false ->
            At = rand:uniform(tuple_size(Names)),
            op(element(At, Names), N, Tables),
            counters:add(Counters, At, 1),
            receive
                {'EXIT', _, _} = E -> exit({unexpected, element(At, Names), E});
                M -> exit({unexpected, element(At, Names), M})
            after 0 -> ok
            end,
            loop(N, Until, Tables, Counters, Names)
    end.

op(spawn_monitor, _, _) ->
    Refs = [begin {P, R} = spawn_monitor(fun() -> exit({done, I}) end), {P, R, I} end || I <- lists:seq(1, 20)],
    [receive {'DOWN', R, process, P, Reason} -> {done, I} = Reason end || {P, R, I} <- Refs];
op(spawn_link, _, _) ->
    Pids = [spawn_link(fun() -> exit(I) end) || I <- lists:seq(1, 20)],
    [receive {'EXIT', P, R} -> R = I end || {P, I} <- lists:zip(Pids, lists:seq(1, 20))];
op(ping, _, _) ->
    Self = self(),
    Pid = spawn_link(?MODULE, echo, [Self]),
    [begin Pid ! {Self, I}, receive {Pid, I} -> ok end end || I <- lists:seq(1, 200)],
    Pid ! stop,
    receive {'EXIT', Pid, normal} -> ok end;
op(timer, _, _) ->
    Ref = erlang:start_timer(rand:uniform(3), self(), hello),
    receive {timeout, Ref, hello} -> ok end,
    receive after rand:uniform(3) -> ok end;
op(timer_cancel, _, _) ->
    Refs = [erlang:start_timer(rand:uniform(5), self(), I) || I <- lists:seq(1, 50)],
    [case erlang:cancel_timer(R) of
         false -> receive {timeout, R, _} -> ok end;
         Left when is_integer(Left) -> ok
     end || R <- Refs];
op(ets, N, {Shared, _}) ->
    Key = rand:uniform(50),
    ets:insert(Shared, {{N, Key}, lists:seq(1, Key), <<Key:800>>}),
    [{{N, Key}, L, <<Key:800>>}] = ets:lookup(Shared, {N, Key}),
    Key = length(L),
    ets:update_counter(Shared, count, 1, {count, 0}),
    ets:insert(Shared, {shared, make_ref(), lists:seq(1, Key)}),
    [{shared, R, _}] = ets:lookup(Shared, shared),
    true = is_reference(R),
    case rand:uniform(20) of
        1 -> _ = ets:select(Shared, [{{{N, '$1'}, '_', '_'}, [], ['$1']}]);
        2 -> ets:match_delete(Shared, {{N, '_'}, '_', '_'});
        3 -> _ = length(ets:tab2list(Shared));
        _ -> ets:delete(Shared, {N, Key})
    end;
op(ets_ordered, N, {_, Ordered}) ->
    [ets:insert(Ordered, {{N, I}, I}) || I <- lists:seq(1, 20)],
    [I = ets:lookup_element(Ordered, {N, I}, 2) || I <- lists:seq(1, 20)],
    20 = length(ets:select(Ordered, [{{{N, '$1'}, '_'}, [], ['$1']}])),
    ets:next(Ordered, {N, 3}),
    20 = ets:select_delete(Ordered, [{{{N, '_'}, '_'}, [], [true]}]);
op(link_chain, _, _) ->
    Self = self(),
    Pid = spawn_link(fun() -> chain(20, Self) end),
    receive bottom -> ok end,
    exit(Pid, bang),
    receive {'EXIT', Pid, bang} -> ok end;
op(exit_kill, _, _) ->
    Pids = [spawn_link(fun() -> receive never -> ok end end) || _ <- lists:seq(1, 10)],
    [exit(P, kill) || P <- Pids],
    [receive {'EXIT', P, killed} -> ok end || P <- Pids];
op(process_info, _, _) ->
    All = processes(),
    P = lists:nth(rand:uniform(length(All)), All),
    _ = process_info(P, [status, message_queue_len, links, monitors, memory, current_function, dictionary]),
    _ = process_info(P),
    _ = is_process_alive(P);
op(register, N, _) ->
    Name = list_to_atom("worker_" ++ integer_to_list(N)),
    Self = self(),
    Pid = spawn_link(?MODULE, echo, [Self]),
    register(Name, Pid),
    Name ! {Self, 1},
    receive {Pid, 1} -> ok end,
    Pid = whereis(Name),
    Pid ! stop,
    receive {'EXIT', Pid, normal} -> ok end,
    undefined = whereis(Name);
op(code, N, _) when N rem 8 =:= 0 ->
    Name = list_to_atom("soak_code_" ++ integer_to_list(N)),
    {Which, Binary} = lists:nth(rand:uniform(2), persistent_term:get({soak, N})),
    case code:load_binary(Name, "x", Binary) of
        {module, Name} ->
            Which = Name:version(),
            Self = self(),
            Pid = spawn_link(fun() -> Self ! Name:literal(), (fun Name:version/0)() end),
            receive {literal, Which, _, _} -> ok end,
            receive {'EXIT', Pid, normal} -> ok end;
        {error, not_purged} -> ok
    end,
    code:purge(Name),
    code:delete(Name),
    code:soft_purge(Name);
op(code, N, _) ->
    Name = list_to_atom("soak_code_" ++ integer_to_list(8 * (N rem 4))),
    case catch Name:literal() of
        {literal, _, L, _} -> 3 = length(L);
        {'EXIT', {undef, _}} -> ok
    end;
op(port, N, _) when N rem 6 =:= 0 ->
    Port = open_port({spawn, "cat"}, [binary, {packet, 4}]),
    Bytes = binary:copy(<<N>>, rand:uniform(5000)),
    port_command(Port, Bytes),
    receive {Port, {data, Bytes}} -> ok end,
    port_close(Port),
    receive {'EXIT', Port, normal} -> ok after 1000 -> exit(port_exit_missing) end;
op(port, _, _) -> _ = erlang:ports();
op(fan_in, _, _) ->
    Self = self(),
    Ref = make_ref(),
    [spawn(fun() -> [Self ! {Ref, I, J} || J <- lists:seq(1, 30)] end) || I <- lists:seq(1, 10)],
    [[receive {Ref, I, J} -> ok end || J <- lists:seq(1, 30)] || I <- lists:seq(1, 10)];
op(suspend, _, _) ->
    Self = self(),
    Pid = spawn_link(fun() -> busy(Self, 0) end),
    erlang:suspend_process(Pid),
    {status, suspended} = process_info(Pid, status),
    erlang:resume_process(Pid),
    Pid ! stop,
    receive {'EXIT', Pid, normal} -> ok end;
op(alias, _, _) ->
    Alias = erlang:alias([reply]),
    Pid = spawn_link(fun() -> receive {A, M} -> A ! M, A ! again end end),
    Pid ! {Alias, hello},
    receive hello -> ok end,
    receive {'EXIT', Pid, normal} -> ok end,
    receive again -> exit(alias_twice) after 0 -> ok end;
op(big_message, _, _) ->
    Self = self(),
    Term = {lists:seq(1, 5000), #{a => <<1:10000>>, b => "text", c => 1.5}, binary:copy(<<"x">>, 200)},
    Pid = spawn_link(fun() -> receive {T} -> Self ! {self(), erlang:phash2(T), T} end end),
    Pid ! {Term},
    Hash = erlang:phash2(Term),
    receive {Pid, Hash, Term} -> ok end,
    receive {'EXIT', Pid, normal} -> ok end;
op(selective, _, _) ->
    Self = self(),
    Ref = make_ref(),
    [Self ! {Ref, I} || I <- lists:seq(1, 100)],
    Pid = spawn_link(?MODULE, tagged, [Self]),
    R = erlang:monitor(process, Pid),
    Pid ! {R, go},
    receive {R, ok} -> ok end,
    receive {'DOWN', R, process, Pid, normal} -> ok end,
    receive {'EXIT', Pid, normal} -> ok end,
    [receive {Ref, I} -> ok end || I <- lists:seq(100, 1, -1)];
op(gc_other, _, _) ->
    All = processes(),
    P = lists:nth(rand:uniform(length(All)), All),
    _ = erlang:garbage_collect(P);
op(ets_table, _, _) ->
    Self = self(),
    Pid = spawn_link(fun() -> T = ets:new(t, [public]), ets:insert(T, [{I} || I <- lists:seq(1, 100)]),
        Self ! {self(), T}, receive go -> ok end end),
    T = receive {Pid, Table} -> Table end,
    100 = length(ets:tab2list(T)),
    Pid ! go,
    _ = (catch ets:insert(T, {1, 2})),
    receive {'EXIT', Pid, normal} -> ok end,
    undefined = ets:info(T);
op(spawn_burst, _, _) ->
    Self = self(),
    Ref = make_ref(),
    Pid = spawn_link(fun() -> [spawn(fun() -> Self ! {Ref, 1} end) || _ <- lists:seq(1, 300)] end),
    [receive {Ref, 1} -> ok end || _ <- lists:seq(1, 300)],
    receive {'EXIT', Pid, normal} -> ok end;
op(unlink_race, _, _) ->
    Pid = spawn_link(fun() -> ok end),
    unlink(Pid),
    receive {'EXIT', Pid, _} -> ok after 0 -> ok end,
    P2 = spawn(fun() -> receive stop -> ok end end),
    [begin link(P2), unlink(P2) end || _ <- lists:seq(1, 5)],
    P2 ! stop,
    R = monitor(process, P2),
    receive {'DOWN', R, _, _, _} -> ok end,
    receive {'EXIT', P2, _} -> exit(unlinked_exit) after 0 -> ok end;
op(monitor_race, _, _) ->
    Pid = spawn(fun() -> ok end),
    R = monitor(process, Pid),
    receive {'DOWN', R, process, Pid, Why} when Why =:= noproc; Why =:= normal -> ok end,
    P2 = spawn(fun() -> receive stop -> ok end end),
    Rs = [monitor(process, P2) || _ <- lists:seq(1, 10)],
    P2 ! stop,
    [demonitor(X, [flush]) || X <- Rs],
    receive {'DOWN', _, _, P2, _} -> exit(demonitored) after 0 -> ok end;
op(persistent, N, _) when N =:= 3 ->
    persistent_term:put({soak, counter}, {rand:uniform(1000), lists:seq(1, 50)});
op(persistent, _, _) ->
    case persistent_term:get({soak, counter}, none) of
        none -> ok;
        {_, L} -> 50 = length(L)
    end;
op(atoms, _, _) ->
    Text = "soak_atom_" ++ integer_to_list(rand:uniform(10000)),
    Atom = list_to_atom(Text),
    Text = atom_to_list(Atom),
    Atom = list_to_existing_atom(Text);
op(binary_share, _, _) ->
    Self = self(),
    Bin = binary:copy(<<"abc">>, 1000),
    Pids = [spawn(fun() -> receive B -> Self ! {self(), <<B/binary, I>>} end end) || I <- lists:seq(1, 5)],
    [P ! Bin || P <- Pids],
    [receive {P, <<Bin:3000/binary, I>>} -> ok end || {P, I} <- lists:zip(Pids, lists:seq(1, 5))];
op(priority, _, _) ->
    Self = self(),
    Prio = lists:nth(rand:uniform(3), [low, normal, high]),
    Pid = spawn_opt(fun() -> process_flag(priority, normal), Self ! {self(), here} end, [link, {priority, Prio}]),
    receive {Pid, here} -> ok end,
    receive {'EXIT', Pid, normal} -> ok end;
op(online, 1, _) ->
    erlang:system_flag(schedulers_online, rand:uniform(erlang:system_info(schedulers))),
    case rand:uniform(10) of
        1 -> erlang:system_flag(multi_scheduling, block), erlang:system_flag(multi_scheduling, unblock);
        _ -> ok
    end,
    erlang:system_flag(schedulers_online, erlang:system_info(schedulers));
op(online, _, _) -> _ = erlang:statistics(run_queue), _ = erlang:memory();
op(group_leader, _, _) ->
    Pid = spawn_link(fun() -> receive stop -> ok end end),
    group_leader(self(), Pid),
    {group_leader, Leader} = process_info(Pid, group_leader),
    Leader = self(),
    Pid ! stop,
    receive {'EXIT', Pid, normal} -> ok end;
op(hibernate, _, _) ->
    Self = self(),
    Pid = proc_lib:spawn_link(fun() -> Self ! {self(), ready}, proc_lib:hibernate(?MODULE, echo, [Self]) end),
    receive {Pid, ready} -> ok end,
    Pid ! {Self, 7},
    receive {Pid, 7} -> ok end,
    Pid ! stop,
    receive {'EXIT', Pid, normal} -> ok end.

chain(0, Top) -> Top ! bottom, receive never -> ok end;
chain(N, Top) -> spawn_link(fun() -> chain(N - 1, Top) end), receive never -> ok end.

echo(To) ->
    receive
        stop -> ok;
        {From, I} -> From ! {self(), I}, echo(To)
    end.

tagged(To) -> receive {R, go} -> To ! {R, ok} end.

busy(Top, N) ->
    receive stop -> ok after 0 -> busy(Top, N + 1) end.

code_binaries() ->
    [persistent_term:put({soak, N}, [{V, compiled(N, V)} || V <- [1, 2]]) || N <- lists:seq(0, 24, 8)].

compiled(N, Version) ->
    Name = list_to_atom("soak_code_" ++ integer_to_list(N)),
    Forms = [{attribute, 1, module, Name}, {attribute, 1, export, [{version, 0}, {literal, 0}]},
             {function, 1, version, 0, [{clause, 1, [], [], [{integer, 1, Version}]}]},
             {function, 1, literal, 0, [{clause, 1, [], [],
                [erl_parse:abstract({literal, Version, [a, {b, <<"some bytes">>}, "cd"], #{k => v}})]}]}],
    {ok, Name, Binary} = compile:forms(Forms),
    Binary.
