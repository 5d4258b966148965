%% Stack traces: frames, lines, arguments, and what tail calls leave out.
-module(stack_trace).
-export([main/0, deep/1, only/1]).

main() ->
    show(trace(fun() -> deep(3) end)),  %% expect: [{stack_trace,deep,1,[{file,"stack_trace.erl"},{line,21}]},{stack_trace,full_trace,1,[{file,"stack_trace.erl"},{line,43}]},{stack_trace,trace,1,[{file,"stack_trace.erl"},{line,38}]}]
    show(trace(fun() -> only(2) end)),  %% expect: [{stack_trace,only,[2],[{file,"stack_trace.erl"},{line,24}]},{stack_trace,full_trace,1,[{file,"stack_trace.erl"},{line,43}]},{stack_trace,trace,1,[{file,"stack_trace.erl"},{line,38}]}]
    show(trace(fun() -> tail(1) end)),  %% expect: [{stack_trace,tail_further,1,[{file,"stack_trace.erl"},{line,28}]},{stack_trace,full_trace,1,[{file,"stack_trace.erl"},{line,43}]},{stack_trace,trace,1,[{file,"stack_trace.erl"},{line,38}]}]
    show(trace(fun() -> ?MODULE:no_such(1, 2) end)),  %% expect: [{stack_trace,no_such,[1,2],[]},{stack_trace,full_trace,1,[{file,"stack_trace.erl"},{line,43}]},{stack_trace,trace,1,[{file,"stack_trace.erl"},{line,38}]}]
    show(trace(fun() -> lists:map(fun(X) -> X + a end, [1]) end)),  %% expect: [{stack_trace,full_trace,1,[{file,"stack_trace.erl"},{line,43}]},{stack_trace,trace,1,[{file,"stack_trace.erl"},{line,38}]},{erlang,'+',[1,a],[]}]
    show(trace(fun() -> atom_to_list(id(1)) end)),  %% expect: [{stack_trace,full_trace,1,[{file,"stack_trace.erl"},{line,43}]},{stack_trace,trace,1,[{file,"stack_trace.erl"},{line,38}]},{erlang,atom_to_list,[1],[]}]
    show(trace(fun() -> erlang:error(custom, [1, 2]) end)),  %% expect: [{stack_trace,full_trace,1,[{file,"stack_trace.erl"},{line,43}]},{stack_trace,trace,1,[{file,"stack_trace.erl"},{line,38}]}]
    show(trace(fun() -> erlang:error(custom) end)),  %% expect: [{stack_trace,full_trace,1,[{file,"stack_trace.erl"},{line,43}]},{stack_trace,trace,1,[{file,"stack_trace.erl"},{line,38}]}]
    show(trace(fun() -> again() end)),  %% expect: [{stack_trace,again,0,[{file,"stack_trace.erl"},{line,32}]},{stack_trace,full_trace,1,[{file,"stack_trace.erl"},{line,43}]},{stack_trace,trace,1,[{file,"stack_trace.erl"},{line,38}]}]
    show(trace(fun() -> erlang:raise(error, r, [{m, f, [1]}, {m, g, 2, [{line, 7}]}]) end)),  %% expect: [{m,f,[1],[]}]
    show(trace(fun() -> apply(?MODULE, only, [x]) end)),  %% expect: [{stack_trace,only,[x],[{file,"stack_trace.erl"},{line,24}]},{stack_trace,full_trace,1,[{file,"stack_trace.erl"},{line,43}]},{stack_trace,trace,1,[{file,"stack_trace.erl"},{line,38}]}]
    show(trace(fun() -> (fun only/1)(y) end)),  %% expect: [{stack_trace,only,[y],[{file,"stack_trace.erl"},{line,24}]},{stack_trace,full_trace,1,[{file,"stack_trace.erl"},{line,43}]},{stack_trace,trace,1,[{file,"stack_trace.erl"},{line,38}]}]
    erlang:system_flag(backtrace_depth, 2),
    show(length(full_trace(fun() -> deep(10) end))).  %% expect: 2

deep(0) -> error(bottom);
deep(N) -> 1 + deep(N - 1).

only(1) -> one.

tail(X) -> tail_further(X).

tail_further(X) -> id(X) / id(0).

again() ->
    try
        error(first)
    catch
        error:first:Stack -> erlang:raise(exit, second, Stack)
    end.

trace(Fun) ->
    [frame(F) || {?MODULE, Name, _, _} = F <- full_trace(Fun), hd(atom_to_list(Name)) =/= $-, Name =/= main] ++
        [frame(F) || {Module, _, _, _} = F <- lists:sublist(full_trace(Fun), 1), Module =/= ?MODULE].

full_trace(Fun) ->
    try
        Fun(),
        none
    catch
        _:_:Stack -> Stack
    end.

frame({M, F, A, Location}) ->
    {M, F, A, [L || {Key, _} = L <- Location, Key =/= error_info, M =:= ?MODULE orelse Key =/= line]}.

id(X) -> X.

show(Term) -> io:format("~0tp~n", [Term]).
