%% Building and walking lists: naive reversal.
-module(cpu_nrev).
-export([size/0, run/1, expected/1]).

size() -> 15000.

run(N) -> run(N, lists:seq(1, 100), []).

run(0, _, Last) -> Last;
run(N, List, _) -> run(N - 1, List, nrev(List)).

nrev([]) -> [];
nrev([H | T]) -> append(nrev(T), [H]).

append([], Ys) -> Ys;
append([X | Xs], Ys) -> [X | append(Xs, Ys)].

expected(_) -> lists:seq(100, 1, -1).
