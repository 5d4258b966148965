%% Runs one workload inside a VM and prints how long it took.
%%
%% `-extra Module Runs`. A workload exports
%%     size()            -> how much work one run is
%%     run(Size)         -> the result
%%     expected(Size)    -> what the result must be
%% and may export
%%     ops(Size)         -> the number of operations in a run, for figures per operation
%%     values(Result)    -> [{Name, Number}] measured by the workload itself; its result is {checked, Result, …}
%%     cold()            -> true when the first run is the one to measure
%% The first run warms up; then come the timed ones. Each is checked, and runs in a process of its own.
-module(bench_driver).
-export([main/0]).

main() ->
    [Name, Runs] = init:get_plain_arguments(),
    Module = list_to_atom(Name),
    {module, Module} = code:ensure_loaded(Module),
    Size = Module:size(),
    Expected = Module:expected(Size),
    case erlang:function_exported(Module, cold, 0) of
        true -> ok;
        false -> check(Module, Size, Expected, element(2, once(Module, Size)))
    end,
    optional(ops, fun() -> io:format("ops ~w~n", [Module:ops(Size)]) end, Module, 1),
    repeat(list_to_integer(Runs), Module, Size, Expected),
    io:format("done~n"),
    halt(0).

repeat(0, _, _, _) ->
    ok;
repeat(Runs, Module, Size, Expected) ->
    {Nanoseconds, Result} = once(Module, Size),
    check(Module, Size, Expected, Result),
    io:format("run ~w~n", [Nanoseconds]),
    Values = fun() -> [io:format("value ~ts ~w~n", [Name, N]) || {Name, N} <- Module:values(Result)] end,
    optional(values, Values, Module, 1),
    repeat(Runs - 1, Module, Size, Expected).

optional(Function, Do, Module, Arity) ->
    case erlang:function_exported(Module, Function, Arity) of
        true -> Do();
        false -> ok
    end.

once(Module, Size) ->
    {Pid, Ref} = spawn_monitor(fun() ->
        Start = erlang:monotonic_time(),
        Result = Module:run(Size),
        Stop = erlang:monotonic_time(),
        exit({result, erlang:convert_time_unit(Stop - Start, native, nanosecond), Result})
    end),
    receive
        {'DOWN', Ref, process, Pid, {result, Nanoseconds, Result}} ->
            {Nanoseconds, Result};
        {'DOWN', Ref, process, Pid, Reason} ->
            io:format("wrong ~w ended: ~0tp~n", [Module, Reason]),
            halt(1)
    end.

check(_, _, Expected, Expected) -> ok;
check(_, _, Expected, {checked, Expected, _}) -> ok;
check(Module, Size, Expected, Result) ->
    io:format("wrong ~w(~w): ~0P instead of ~0P~n", [Module, Size, Result, 20, Expected, 20]),
    halt(1).
