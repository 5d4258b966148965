%% process_info: of oneself, of another, of the dead; the dictionary; the group leader.
-module(process_facts).
-export([main/0]).

main() ->
    Self = self(),
    show(process_info(Self, [trap_exit, priority, registered_name, current_function])),  %% expect: [{trap_exit,true},{priority,normal},{registered_name,[]},{current_function,{process_facts,main,0}}]
    register(me, Self),
    show(process_info(Self, registered_name)),  %% expect: {registered_name,me}
    put(key, value),
    put({other, key}, [1]),
    show({put(key, new), get(key), get(none), lists:sort(get_keys()) -- [iex_history, '$ancestors']}),  %% expect: {value,new,undefined,[key,{other,key}]}
    show({erase(key), get(key), get_keys(new)}),  %% expect: {new,undefined,[]}
    Pid = spawn(fun() -> put(a, 1), receive stop -> ok end end),
    timer:sleep(20),
    show(process_info(Pid, [status, dictionary, message_queue_len, current_function, initial_call, links, monitors])),  %% expect: [{status,waiting},{dictionary,[{a,1}]},{message_queue_len,0},{current_function,{process_facts,'-main/0-fun-0-',0}},{initial_call,{erlang,apply,2}},{links,[]},{monitors,[]}]
    Pid ! one,
    Pid ! two,
    show(process_info(Pid, messages)),  %% expect: {messages,[one,two]}
    show([is_integer(element(2, process_info(Pid, K))) || K <- [heap_size, total_heap_size, memory, reductions, stack_size]]),  %% expect: [true,true,true,true,true]
    show(caught(fun() -> process_info(Pid, no_such_item) end)),  %% expect: {error,badarg}
    show(process_info(Self, monitored_by)),  %% expect: {monitored_by,[]}
    Ref = monitor(process, Pid),
    show(process_info(Self, monitors) =:= {monitors, [{process, Pid}]}),  %% expect: true
    show(process_info(Pid, monitored_by) =:= {monitored_by, [Self]}),  %% expect: true
    Pid ! stop,
    receive {'DOWN', Ref, process, Pid, Reason} -> show(Reason) end,  %% expect: normal
    show(process_info(Pid)),  %% expect: undefined
    show(process_info(Pid, messages)),  %% expect: undefined
    show(group_leader() =:= element(2, process_info(Self, group_leader))),  %% expect: true
    Leader = spawn(fun() -> receive {io_request, From, As, Request} -> From ! {io_reply, As, ok}, Self ! element(1, Request) end end),
    Writer = spawn(fun() -> group_leader(Leader, self()), io:put_chars("never seen") end),
    show(receive put_chars -> {put_chars, is_pid(Writer)} after 1000 -> none end),  %% expect: {put_chars,true}
    show(process_info(spawn_opt(fun() -> receive stop -> ok end end, [{min_heap_size, 1000}, {fullsweep_after, 3}]), [min_heap_size]) =/= undefined).  %% expect: true

show(Term) -> io:format("~0tp~n", [Term]).

caught(Fun) ->
    try Fun() of
        Value -> {value, Value}
    catch
        Class:Reason -> {Class, Reason}
    end.
