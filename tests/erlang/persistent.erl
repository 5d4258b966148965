%% persistent_term, atomics and counters.
-module(persistent).
-export([main/0]).

main() ->
    Key = {?MODULE, key},
    show(persistent_term:get(Key, default)),  %% expect: default
    show(caught(fun() -> persistent_term:get(Key) end)),  %% expect: {error,badarg}
    show(persistent_term:put(Key, #{big => lists:seq(1, 5)})),  %% expect: ok
    Kept = persistent_term:get(Key),
    show(Kept),  %% expect: #{big => [1,2,3,4,5]}
    show(persistent_term:put(Key, other)),  %% expect: ok
    erlang:garbage_collect(),
    show({Kept, persistent_term:get(Key)}),  %% expect: {#{big => [1,2,3,4,5]},other}
    Self = self(),
    Pid = spawn(fun() -> T = persistent_term:get(Key), receive go -> Self ! {T, persistent_term:get(Key, gone)} end end),
    timer:sleep(10),
    show({persistent_term:erase(Key), persistent_term:erase(Key)}),  %% expect: {true,false}
    Pid ! go,
    show(receive {_, _} = Both -> Both end),  %% expect: {other,gone}
    show([K || {K, _} <- persistent_term:get(), K =:= Key]),  %% expect: []
    A = atomics:new(3, [{signed, true}]),
    show([atomics:get(A, 1), atomics:add_get(A, 1, 5), atomics:sub_get(A, 1, 7), atomics:exchange(A, 2, 9)]),  %% expect: [0,5,-2,0]
    show([atomics:compare_exchange(A, 2, 9, 10), atomics:compare_exchange(A, 2, 9, 11), atomics:get(A, 2)]),  %% expect: [ok,10,10]
    ok = atomics:put(A, 3, (1 bsl 63) - 1),
    show(atomics:add_get(A, 3, 1)),  %% expect: -9223372036854775808
    show(caught(fun() -> atomics:get(A, 4) end)),  %% expect: {error,badarg}
    U = atomics:new(1, [{signed, false}]),
    show(atomics:sub_get(U, 1, 1)),  %% expect: 18446744073709551615
    show(maps:with([size, max, min], atomics:info(A))),  %% expect: #{max => 9223372036854775807,min => -9223372036854775808,size => 3}
    C = counters:new(2, [write_concurrency]),
    Workers = [spawn_monitor(fun() -> [counters:add(C, 1, 1) || _ <- lists:seq(1, 1000)] end) || _ <- lists:seq(1, 10)],
    [receive {'DOWN', R, process, P, _} -> ok end || {P, R} <- Workers],
    show({counters:get(C, 1), counters:get(C, 2)}),  %% expect: {10000,0}
    show(caught(fun() -> counters:add(C, 3, 1) end)).  %% expect: {error,badarg}

show(Term) -> io:format("~0tp~n", [Term]).

caught(Fun) ->
    try Fun() of
        Value -> {value, Value}
    catch
        Class:Reason -> {Class, Reason}
    end.
