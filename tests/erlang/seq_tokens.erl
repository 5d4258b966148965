%% Sequential tokens go with messages to aliases, exit signals and spawns; what is no process leaves its receiver's.
-module(seq_tokens).
-export([main/0]).

main() ->
    Tracer = spawn(fun() -> tracer([]) end),
    seq_trace:set_system_tracer(Tracer),
    process_flag(trap_exit, true),
    seq_trace:set_token(label, 7),
    seq_trace:set_token(send, true),
    seq_trace:set_token('receive', true),
    {Pid, Monitor} = spawn_monitor(fun child/0),
    Alias = receive {alias, A} -> A end,
    Alias ! {self(), hello},
    receive thanks -> ok end,
    receive {'DOWN', Monitor, process, Pid, normal} -> ok end,
    Kept = seq_trace:get_token(label),
    spawn_link(fun() -> exit(over) end),
    receive {'EXIT', _, over} -> ok end,
    erlang:send_after(1, self(), later),
    receive later -> ok end,
    KeptAgain = seq_trace:get_token(label),
    seq_trace:set_token('receive', false),
    self() ! traced,
    seq_trace:set_token([]),
    self() ! plain,
    receive traced -> ok end,
    Came = seq_trace:get_token(label),
    receive plain -> ok end,
    Cleared = seq_trace:get_token(),
    told(Tracer),
    %% expect: {send,{0,1},main,child,spawn_request}
    %% expect: {'receive',{0,1},main,child,spawn_request}
    %% expect: {send,{1,2},child,main,spawn_reply}
    %% expect: {'receive',{1,2},child,main,spawn_reply}
    %% expect: {send,{1,3},child,main,alias}
    %% expect: {'receive',{1,3},child,main,alias}
    %% expect: {send,{3,48},main,alias,hello}
    %% expect: {'receive',{3,48},main,child,hello}
    %% expect: {send,{48,49},child,main,thanks}
    %% expect: {'receive',{48,49},child,main,thanks}
    %% expect: {send,{49,50},main,child,spawn_request}
    %% expect: {'receive',{49,50},main,child,spawn_request}
    %% expect: {send,{50,51},child,main,spawn_reply}
    %% expect: {'receive',{50,51},child,main,spawn_reply}
    %% expect: {send,{50,52},child,main,'EXIT'}
    %% expect: {'receive',{50,52},child,main,'EXIT'}
    %% expect: {send,{52,832},main,main,traced}
    show(Kept),  %% expect: {label,7}
    show(KeptAgain),  %% expect: {label,7}
    show(Came),  %% expect: {label,7}
    show(Cleared).  %% expect: []

child() ->
    {parent, Parent} = process_info(self(), parent),
    Alias = alias(),
    Parent ! {alias, Alias},
    receive {From, hello} -> From ! thanks end.

tracer(Events) ->
    receive
        {seq_trace, 7, Event} -> tracer([Event | Events]);
        {what, From} -> From ! lists:reverse(Events)
    end.

%% In the order in which it happened, which is not always that in which it was told.
told(Tracer) ->
    receive after 100 -> ok end,
    Tracer ! {what, self()},
    receive
        Events when is_list(Events) ->
            Shown = [{What, Serial, who(From), who(To), what(Message)} || {What, Serial, From, To, Message} <- Events],
            Order = fun(A, B) -> {element(2, element(2, A)), rank(A)} =< {element(2, element(2, B)), rank(B)} end,
            lists:foreach(fun show/1, lists:sort(Order, Shown))
    end.

rank(Event) -> case element(1, Event) of send -> 1; 'receive' -> 2 end.

who(Pid) when Pid =:= self() -> main;
who(Pid) when is_pid(Pid) -> child;
who(_) -> alias.

what({_, hello}) -> hello;
what(Tuple) when is_tuple(Tuple) -> element(1, Tuple);
what(Other) -> Other.

show(X) -> io:format("~0p~n", [X]).
