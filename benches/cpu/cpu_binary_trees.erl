%% Allocation and collection: trees of tuples that are built, walked and dropped.
-module(cpu_binary_trees).
-export([size/0, run/1, expected/1]).

size() -> 18.

run(Depth) ->
    Long = build(Depth),
    Checks = [{D, trees(1 bsl (Depth - D + 4), D, 0)} || D <- lists:seq(4, Depth, 4)],
    {count(Long), Checks}.

trees(0, _, Sum) -> Sum;
trees(N, Depth, Sum) -> trees(N - 1, Depth, Sum + count(build(Depth))).

build(0) -> {leaf, leaf};
build(Depth) -> {build(Depth - 1), build(Depth - 1)}.

count({leaf, leaf}) -> 1;
count({Left, Right}) -> count(Left) + 1 + count(Right).

expected(Depth) ->
    {count_of(Depth), [{D, (1 bsl (Depth - D + 4)) * count_of(D)} || D <- lists:seq(4, Depth, 4)]}.

count_of(Depth) -> (2 bsl Depth) - 1.
