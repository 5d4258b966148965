%% Calls, small-integer arithmetic and comparisons: the doubly recursive Fibonacci function.
-module(cpu_fib).
-export([size/0, run/1, expected/1]).

size() -> 37.

run(N) -> fib(N).

fib(N) when N < 2 -> N;
fib(N) -> fib(N - 1) + fib(N - 2).

expected(N) -> iterate(N, 0, 1).

iterate(0, A, _) -> A;
iterate(N, A, B) -> iterate(N - 1, B, A + B).
