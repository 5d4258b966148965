%% Calls with three arguments: Takeuchi's function.
-module(cpu_tak).
-export([size/0, run/1, expected/1]).

size() -> 1200.

run(0) -> 7;
run(N) ->
    7 = tak(18, 12, 6),
    run(N - 1).

tak(X, Y, Z) when Y >= X -> Z;
tak(X, Y, Z) -> tak(tak(X - 1, Y, Z), tak(Y - 1, Z, X), tak(Z - 1, X, Y)).

expected(_) -> 7.
