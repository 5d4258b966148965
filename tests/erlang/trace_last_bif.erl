%% A traced BIF that is the last call of its caller returns to the caller, and names it in stack traces.
-module(trace_last_bif).
-export([main/0, run/1]).

main() ->
    Self = self(),
    Pid = spawn(fun() -> receive go -> ok end, Self ! {result, (catch run([a, b])), (catch run(x))} end),
    1 = erlang:trace(Pid, true, [call, return_to]),
    Spec = [{'_', [], [{return_trace}]}],
    erlang:trace_pattern({?MODULE, last, 1}, Spec, [local]),
    erlang:trace_pattern({lists, reverse, 2}, Spec, [local]),
    Pid ! go,
    receive {result, Good, {'EXIT', {Reason, Stack}}} -> ok end,
    show(Good),  %% expect: [b,a]
    show({Reason, [{M, F} || {M, F, _, _} <- lists:sublist(Stack, 3)]}),  %% expect: {badarg,[{lists,reverse},{trace_last_bif,last},{trace_last_bif,run}]}
    Ref = erlang:trace_delivered(Pid),
    receive {trace_delivered, Pid, Ref} -> ok end,
    told(6).
    %% expect: {call,{trace_last_bif,last,[[a,b]]}}
    %% expect: {call,{lists,reverse,[[a,b],[]]}}
    %% expect: {return_from,{lists,reverse,2}}
    %% expect: {return_to,{trace_last_bif,last,1}}
    %% expect: {return_from,{trace_last_bif,last,1}}
    %% expect: {return_to,{trace_last_bif,run,1}}

told(0) -> ok;
told(N) ->
    receive Event when element(1, Event) =:= trace -> show({element(3, Event), element(4, Event)}) end,
    told(N - 1).

run(X) ->
    Result = last(X),
    [] = lists:subtract(Result, Result),
    Result.

last(X) -> lists:reverse(X, []).

show(X) -> io:format("~0p~n", [X]).
