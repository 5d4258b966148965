%% Dispatch on atoms and tuples: a small stack machine, written as Erlang programs often are.
-module(cpu_machine).
-export([size/0, run/1, expected/1]).

-record(machine, {pc = 1, stack = [], vars = {0, 0}, steps = 0}).

size() -> 800000.

run(N) ->
    Code = {{push, N}, {store, 1},
            {load, 1}, {jump_zero, 13},
            {load, 2}, {load, 1}, add, {store, 2},
            {load, 1}, {push, 1}, sub, {store, 1},
            %% 13 is the end; the loop's jump stands behind it
            halt, {jump, 3}},
    Patched = setelement(13, erlang:append_element(Code, halt), {jump, 3}),
    #machine{vars = {_, Sum}, steps = Steps} = step(setelement(4, Patched, {jump_zero, 15}), #machine{}),
    {Sum, Steps}.

step(Code, #machine{pc = Pc, steps = Steps} = M) ->
    case execute(element(Pc, Code), M#machine{pc = Pc + 1, steps = Steps + 1}) of
        {halted, Last} -> Last;
        Next -> step(Code, Next)
    end.

execute({push, Value}, #machine{stack = S} = M) -> M#machine{stack = [Value | S]};
execute({load, Var}, #machine{stack = S, vars = Vars} = M) -> M#machine{stack = [element(Var, Vars) | S]};
execute({store, Var}, #machine{stack = [V | S], vars = Vars} = M) ->
    M#machine{stack = S, vars = setelement(Var, Vars, V)};
execute({jump, Pc}, M) -> M#machine{pc = Pc};
execute({jump_zero, Pc}, #machine{stack = [0 | S]} = M) -> M#machine{pc = Pc, stack = S};
execute({jump_zero, _}, #machine{stack = [_ | S]} = M) -> M#machine{stack = S};
execute(add, #machine{stack = [B, A | S]} = M) -> M#machine{stack = [A + B | S]};
execute(sub, #machine{stack = [B, A | S]} = M) -> M#machine{stack = [A - B | S]};
execute(halt, M) -> {halted, M}.

expected(N) -> {N * (N + 1) div 2, 2 + 11 * N + 3}.
