%% Processes: spawning, identity, exit, priorities, suspension, groups.
-module(process).
-export([main/0, start/2]).

main() ->
    logger:set_primary_config(level, none),
    Self = self(),
    show({is_pid(Self), node(Self) =:= node(), is_process_alive(Self)}),  %% expect: {true,true,true}
    spawn(?MODULE, start, [Self, hello]),
    show(receive {started, What} -> What end),  %% expect: hello
    show(caught(fun() -> spawn(1, b, []) end)),  %% expect: {error,badarg}
    {Pid, Ref} = spawn_monitor(no_such_module, f, []),
    show(receive {'DOWN', Ref, process, Pid, {Undef, [{M, F, A, _} | _]}} -> {Undef, M, F, A} end),  %% expect: {undef,no_such_module,f,[]}
    Counted = [begin {P, R} = spawn_monitor(fun() -> exit(N) end), {P, R} end || N <- lists:seq(1, 500)],
    show(lists:sum([receive {'DOWN', R, process, P, N} -> N end || {P, R} <- Counted])),  %% expect: 125250
    show(process_flag(priority, high)),  %% expect: normal
    show(process_flag(priority, normal)),  %% expect: high
    show(caught(fun() -> process_flag(no_such_flag, 1) end)),  %% expect: {error,badarg}
    Worker = spawn(fun Loop() -> receive {From, ping} -> From ! pong, Loop() end end),
    true = erlang:suspend_process(Worker),
    Worker ! {self(), ping},
    show(receive pong -> wrong after 30 -> suspended end),  %% expect: suspended
    erlang:resume_process(Worker),
    show(receive pong -> pong after 1000 -> none end),  %% expect: pong
    show(process_info(Worker, status)),  %% expect: {status,waiting}
    exit(Worker, kill),
    show(caught(fun() -> erlang:suspend_process(Worker) end)),  %% expect: {error,badarg}
    show(list_to_pid("<0.0.0>") =:= whereis(init)),  %% expect: true
    show(caught(fun() -> list_to_pid("<0.x.0>") end)),  %% expect: {error,badarg}
    show(length([P || P <- processes(), P =:= Self])),  %% expect: 1
    show(caught(fun() -> exit(not_a_pid, kill) end)).  %% expect: {error,badarg}

start(To, What) -> To ! {started, What}.

show(Term) -> io:format("~0tp~n", [Term]).

caught(Fun) ->
    try Fun() of
        Value -> {value, Value}
    catch
        Class:Reason -> {Class, Reason}
    end.
