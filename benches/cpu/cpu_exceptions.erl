%% Raising and catching through several frames, with and without the stack trace.
-module(cpu_exceptions).
-export([size/0, run/1, expected/1]).

size() -> 1200000.

run(N) -> loop(N, {0, 0, 0, 0}).

loop(0, Counts) -> Counts;
loop(N, {Throws, Errors, Exits, Fine}) ->
    Counts =
        try deep(5, N) of
            Value when is_integer(Value) -> {Throws, Errors, Exits, Fine + 1}
        catch
            throw:{value, _} -> {Throws + 1, Errors, Exits, Fine};
            error:badarith:Stack -> {Throws, Errors + min(1, length(Stack)), Exits, Fine};
            exit:Reason when is_atom(Reason) -> {Throws, Errors, Exits + 1, Fine}
        after
            ok
        end,
    loop(N - 1, Counts).

deep(0, N) ->
    case N rem 4 of
        0 -> throw({value, N});
        1 -> N / zero(N);
        2 -> exit(reason);
        3 -> element(1, catch {N, element(9, {N})})
    end;
deep(Depth, N) ->
    try
        id(deep(Depth - 1, N))
    catch
        error:undef -> never
    end.

zero(N) -> N - N.

id({'EXIT', _}) -> 0;
id('EXIT') -> 0;
id(X) -> X.

expected(N) ->
    Count = fun(R) -> length([I || I <- lists:seq(1, N), I rem 4 =:= R]) end,
    {Count(0), Count(1), Count(2), Count(3)}.
