%% process_flag(save_calls, N) notes calls by name, of BIFs and by apply, sends, receives and timeouts.
-module(saved_calls).
-export([main/0, far/1, near/1]).

main() ->
    show(process_flag(save_calls, 8)),  %% expect: 0
    ?MODULE:far(1),
    near(2),
    noted(),  %% expect: [send,'receive',timeout,{lists,reverse,2},{saved_calls,near,1},{lists,reverse,1},{lists,reverse,2},{erlang,process_info,2}]
    ok = own(),
    ?MODULE:far(1),
    show(element(2, process_info(self(), last_calls)) =/= []),  %% expect: true
    %% Those of others, also when one ends while it notes.
    Pid = spawn(fun() -> receive go -> ?MODULE:near(3) end, receive stop -> ok end end),
    0 = erlang:process_flag(Pid, save_calls, 2),
    Pid ! go,
    wait(fun() -> process_info(Pid, last_calls) =:= {last_calls, ['receive', {?MODULE, near, 1}]} end),
    show(process_info(Pid, last_calls)),  %% expect: {last_calls,['receive',{saved_calls,near,1}]}
    exit(Pid, kill),
    show(process_flag(save_calls, 0)),  %% expect: 4
    show(process_info(self(), last_calls)),  %% expect: {last_calls,false}
    %% BIFs fail as ever while calls are noted.
    process_flag(save_calls, 2),
    {'EXIT', {badarg, [Top | _]}} = (catch failing(atom)),
    show(setelement(4, Top, [])),  %% expect: {erlang,atom_to_list,[1],[]}
    {'EXIT', {undef, [Missing, {?MODULE, main, 0, _} | _]}} = (catch ?MODULE:missing(1)),
    show(Missing),  %% expect: {saved_calls,missing,[1],[]}
    ok.

failing(_) -> [atom_to_list(id(1))].

id(X) -> X.

own() -> process_flag(save_calls, 4), ok.

far(X) ->
    self() ! X,
    receive X -> ok end,
    receive after 0 -> ok end,
    lists:reverse([X], []).

near(X) ->
    M = case X of 2 -> ?MODULE; 3 -> lists end,
    case X of
        2 -> apply(M, near, [3]);
        3 -> X
    end.

noted() ->
    _ = apply(lists, reverse, [[1, 2, 3]]),
    show(element(2, process_info(self(), last_calls))).

wait(Until) ->
    case Until() of
        true -> ok;
        false -> receive after 1 -> wait(Until) end
    end.

show(X) -> io:format("~0p~n", [X]).
