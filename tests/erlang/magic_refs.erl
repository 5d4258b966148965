%% References of counters and the like keep what they stand for through text and the external format, while it lives.
-module(magic_refs).
-export([main/0]).

main() ->
    Atomics = atomics:new(2, []),
    Written = term_to_binary({Atomics, [Atomics]}),
    {Read, [Again]} = binary_to_term(Written),
    atomics:put(Read, 1, 42),
    show({atomics:get(Atomics, 1), atomics:get(Again, 1), Read =:= Atomics}),  %% expect: {42,42,true}
    Named = list_to_ref(ref_to_list(Atomics)),
    show(atomics:add_get(Named, 1, 1)),  %% expect: 43
    Gone = gone(),
    erlang:garbage_collect(),
    Dead = binary_to_term(Gone),
    show({is_reference(Dead), catch element(1, element(2, (catch atomics:get(Dead, 1))))}),  %% expect: {true,badarg}
    Counters = counters:new(3, [write_concurrency]),
    [counters:add(Counters, 2, N) || N <- lists:seq(1, 10)],
    {_, Monitor} = spawn_monitor(fun() -> counters:add(Counters, 2, -5) end),
    receive {'DOWN', Monitor, _, _, _} -> ok end,
    show(counters:get(Counters, 2)),  %% expect: 50
    counters:put(Counters, 2, -1),
    show([counters:get(Counters, N) || N <- [1, 2, 3]]),  %% expect: [0,-1,0]
    Memory = maps:get(memory, counters:info(Counters)),
    show(Memory > erlang:system_info(schedulers) * 3 * 8),  %% expect: true
    show(catch counters:get(Counters, 4) =:= 0).  %% expect: {'EXIT',{badarg,[{counters,get,[ref,4],[]}]}}

gone() -> term_to_binary(atomics:new(1, [])).

show({'EXIT', {Reason, [{M, F, [_ | Args], _} | _]}}) -> show({'EXIT', {Reason, [{M, F, [ref | Args], []}]}}, plain);
show(X) -> show(X, plain).

show(X, plain) -> io:format("~0p~n", [X]).
