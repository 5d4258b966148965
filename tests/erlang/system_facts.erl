%% What the node says of itself where programs depend on it.
-module(system_facts).
-export([main/0]).

main() ->
    show(erlang:system_info(wordsize)),  %% expect: 8
    show({erlang:system_info(machine), element(1, os:type())}),  %% expect: {"BEAM",unix}
    show(list_to_integer(erlang:system_info(otp_release)) >= 25),  %% expect: true
    show([is_integer(erlang:system_info(K)) || K <- [schedulers, schedulers_online, process_count, process_limit, port_limit, atom_limit, ets_limit]]),  %% expect: [true,true,true,true,true,true,true]
    show([erlang:system_info(K) || K <- [threads, smp_support, modified_timing_level, check_io] -- [check_io]]),  %% expect: [true,true,undefined]
    show(lists:sort([K || {K, V} <- erlang:memory(), is_integer(V)])),  %% expect: [atom,atom_used,binary,code,ets,processes,processes_used,system,total]
    show([is_integer(element(1, statistics(K))) || K <- [runtime, wall_clock, reductions, garbage_collection, context_switches]]),  %% expect: [true,true,true,true,true]
    show(node()),  %% expect: nonode@nohost
    show({is_alive(), nodes()}),  %% expect: {false,[]}
    show(erlang:get_cookie()),  %% expect: nocookie
    show({length(erlang:loaded()) > 20, lists:member(lists, erlang:loaded())}),  %% expect: {true,true}
    show(erlang:system_info(creation)),  %% expect: 0
    show(element(1, erlang:system_info(allocator)) =/= none),  %% expect: true
    show({endianness(), erlang:system_info(endian)}),  %% expect: {little,little}
    show([is_pid(whereis(N)) || N <- [init, kernel_sup, code_server, logger, erl_signal_server, application_controller]]),  %% expect: [true,true,true,true,true,true]
    show(init:get_status()),  %% expect: {starting,started}
    show(application:get_key(kernel, mod)),  %% expect: {ok,{kernel,[]}}
    show([A || {A, _, _} <- application:which_applications()]).  %% expect: [stdlib,kernel]

endianness() ->
    case <<1:16/native>> of <<1, 0>> -> little; _ -> big end.

show(Term) -> io:format("~0tp~n", [Term]).
