%% A crowd: many links, monitors and aliases of one process, processes that come and go together, bound ones.
-module(crowd).
-export([main/0]).

main() ->
    [show(links(N)) || N <- [1, 8, 9, 100]],  %% expect: {1,1,0}
    %% expect: {8,8,0}
    %% expect: {9,9,0}
    %% expect: {100,100,0}
    [show(monitors(N)) || N <- [1, 8, 9, 100]],  %% expect: {1,1,true}
    %% expect: {8,8,true}
    %% expect: {9,9,true}
    %% expect: {100,100,true}
    show(watched(40)),  %% expect: 40
    show(tagged(12)),  %% expect: [1,2,3,4,5,6,7,8,9,10,11,12]
    show(aliases(20)),  %% expect: {20,none}
    show(waves(5, 3000)),  %% expect: 15000
    show(bound(200)),  %% expect: 200
    show(computed()).  %% expect: [5050,6050,{badarity,2},badfun]

idle() -> spawn(fun() -> receive stop -> ok end end).

%% Every second link is taken back, the others end with who has them.
links(N) ->
    Pids = [idle() || _ <- lists:seq(1, N)],
    Self = self(),
    {Middle, Ref} = spawn_monitor(fun() ->
        [link(P) || P <- Pids, _ <- [1, 2]],
        {links, Links} = process_info(self(), links),
        [unlink(P) || {I, P} <- numbered(Pids), I rem 2 =:= 0],
        Self ! {counted, length(Links)},
        exit(over)
    end),
    Counted = receive {counted, C} -> C end,
    receive {'DOWN', Ref, process, Middle, over} -> ok end,
    Refs = [monitor(process, P) || {I, P} <- numbered(Pids), I rem 2 =:= 1],
    Ended = length([ended || R <- Refs, receive {'DOWN', R, _, _, _} -> true end]),
    Living = [P || {I, P} <- numbered(Pids), I rem 2 =:= 0, not is_process_alive(P)],
    [P ! stop || P <- Pids],
    {Counted, Ended + length(Pids) div 2, length(Living)}.

monitors(N) ->
    Pids = [idle() || _ <- lists:seq(1, N)],
    Refs = [monitor(process, P) || P <- Pids],
    {monitors, Found} = process_info(self(), monitors),
    Kept = [R || {I, R} <- numbered(Refs), I rem 3 =/= 0],
    [demonitor(R, [flush]) || {I, R} <- numbered(Refs), I rem 3 =:= 0],
    [P ! stop || P <- Pids],
    Down = length([down || R <- Kept, receive {'DOWN', R, process, _, normal} -> true end]),
    {length(Found), Down + N div 3, process_info(self(), monitors) =:= {monitors, []}}.

watched(N) ->
    Victim = idle(),
    Self = self(),
    Watchers = [spawn(fun() ->
        Ref = monitor(process, Victim),
        Self ! {ready, self()},
        receive {'DOWN', Ref, process, Victim, Reason} -> Self ! {self(), Reason} end
    end) || _ <- lists:seq(1, N)],
    [receive {ready, W} -> ok end || W <- Watchers],
    wait_for(fun() -> {monitored_by, By} = process_info(Victim, monitored_by), length(By) =:= N end),
    exit(Victim, gone),
    length([W || W <- Watchers, receive {W, gone} -> true end]).

tagged(N) ->
    Pids = [idle() || _ <- lists:seq(1, N)],
    [monitor(process, P, [{tag, {tag, I}}]) || {I, P} <- numbered(Pids)],
    [P ! stop || P <- Pids],
    lists:sort([receive {{tag, I}, _, process, _, normal} -> I end || _ <- Pids]).

%% An alias takes one answer.
aliases(N) ->
    Server = spawn(fun serve/0),
    Refs = [monitor(process, Server, [{alias, reply_demonitor}]) || _ <- lists:seq(1, N)],
    [Server ! {twice, R} || R <- Refs],
    Got = length([R || R <- Refs, receive {answer, R} -> true end]),
    Server ! stop,
    {Got, receive Other -> Other after 50 -> none end}.

serve() ->
    receive
        {twice, R} -> R ! {answer, R}, R ! {answer, R}, serve();
        stop -> ok
    end.

waves(Waves, N) ->
    Self = self(),
    lists:sum([begin
        Pids = [spawn(fun() -> Self ! {self(), 1} end) || _ <- lists:seq(1, N)],
        lists:sum([receive {P, One} -> One end || P <- Pids])
    end || _ <- lists:seq(1, Waves)]).

%% Processes bound to schedulers send to and fro.
bound(N) ->
    Online = erlang:system_info(schedulers_online),
    Echo = fun Loop() -> receive {From, M} -> From ! {self(), M}, Loop() end end,
    Echoes = [spawn_opt(Echo, [{scheduler, S}, link]) || S <- lists:seq(1, Online)],
    Self = self(),
    Ask = fun() ->
        Self ! {count, length([M || M <- lists:seq(1, N), E <- Echoes, begin E ! {self(), M}, receive {E, M} -> true end end])}
    end,
    spawn_opt(Ask, [{scheduler, 1}]),
    receive {count, C} -> C div Online end.

%% Funs: with and without free variables, and calls that fail.
computed() ->
    Ten = lists:max([10, 1]),
    [lists:foldl(fun(X, Sum) -> X + Sum end, 0, lists:seq(1, 100)),
     lists:foldl(fun(X, Sum) -> X + Sum + Ten end, 0, lists:seq(1, 100)),
     try (fun(A) -> A end)(Ten, 2) catch error:{badarity, {_, Args}} -> {badarity, length(Args)} end,
     try lists:foldl(Ten, 0, [1]) catch error:_ -> badfun end].

numbered(List) -> lists:zip(lists:seq(1, length(List)), List).

wait_for(Done) ->
    case Done() of
        true -> ok;
        false -> erlang:yield(), wait_for(Done)
    end.

show(Term) -> io:format("~0p~n", [Term]).
