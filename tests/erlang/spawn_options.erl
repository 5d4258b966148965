%% spawn_opt, hibernate, heap limits, and that a runaway process dies alone.
-module(spawn_options).
-export([main/0, woken/2]).

main() ->
    logger:set_primary_config(level, none),
    {P1, R1} = spawn_opt(fun() -> exit(process_info(self(), priority)) end, [monitor, {priority, low}]),
    show(receive {'DOWN', R1, process, P1, Low} -> Low end),  %% expect: {priority,low}
    show(caught(fun() -> spawn_opt(fun() -> ok end, [{priority, silly}]) end)),  %% expect: {error,badarg}
    {P2, R2} = spawn_opt(fun() -> eat([]) end, [monitor, {max_heap_size, #{size => 100000, kill => true, error_logger => false}}]),
    show(receive {'DOWN', R2, process, P2, Why} -> Why end),  %% expect: killed
    {P3, R3} = spawn_opt(fun() -> exit(process_info(self(), message_queue_data)) end, [monitor, {message_queue_data, off_heap}]),
    show(receive {'DOWN', R3, process, P3, Data} -> Data end),  %% expect: {message_queue_data,off_heap}
    Self = self(),
    P4 = spawn(fun() -> erlang:hibernate(?MODULE, woken, [Self, [1, 2]]) end),
    timer:sleep(20),
    show(process_info(P4, current_function)),  %% expect: {current_function,{erlang,hibernate,3}}
    P4 ! wake,
    show(receive {woken, State, M} -> {State, M} end),  %% expect: {[1,2],wake}
    show(process_flag(max_heap_size, 0)),  %% expect: #{error_logger => true,kill => true,size => 0}
    show(process_flag(min_heap_size, 500) > 0),  %% expect: true
    show(erlang:garbage_collect()),  %% expect: true
    show(erlang:garbage_collect(P4)),  %% expect: false
    {P5, R5} = spawn_opt(fun() -> receive after infinity -> ok end end, [link, monitor]),
    show(element(2, process_info(P5, links)) =:= [Self]),  %% expect: true
    process_flag(trap_exit, true),
    exit(P5, enough),
    show(receive {'DOWN', R5, process, P5, Enough} -> Enough end),  %% expect: enough
    show(receive {'EXIT', P5, Also} -> Also end),  %% expect: enough
    show(is_reference(spawn_request(fun() -> ok end, []))),  %% expect: true
    show(receive {spawn_reply, _, Result, Pid} -> {Result, is_pid(Pid)} end).  %% expect: {ok,true}

eat(List) -> eat([List, make_ref() | List]).

woken(To, State) -> receive M -> To ! {woken, State, M} end.

show(Term) -> io:format("~0tp~n", [Term]).

caught(Fun) ->
    try Fun() of
        Value -> {value, Value}
    catch
        Class:Reason -> {Class, Reason}
    end.
