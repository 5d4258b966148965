%% Tuples and comparisons: balanced trees of the library, ordered sets, a queue.
-module(cpu_gb_trees).
-export([size/0, run/1, expected/1]).

size() -> 150000.

run(N) ->
    Tree = fill(N, gb_trees:empty()),
    Sum = lookup(N, Tree, 0),
    Emptied = drain(Tree, 0),
    Queue = lists:foldl(fun queue:in/2, queue:new(), lists:seq(1, N)),
    {gb_trees:size(Tree), Sum, Emptied, shift(Queue, 0), length(ordsets:union(lists:seq(1, N), lists:seq(1, N, 3)))}.

key(N) -> (N * 7919) rem 1000003.

fill(0, Tree) -> Tree;
fill(N, Tree) -> fill(N - 1, gb_trees:enter(key(N), N, Tree)).

lookup(0, _, Sum) -> Sum;
lookup(N, Tree, Sum) ->
    {value, Value} = gb_trees:lookup(key(N), Tree),
    lookup(N - 1, Tree, Sum + Value).

drain(Tree, Sum) ->
    case gb_trees:is_empty(Tree) of
        true -> Sum;
        false ->
            {_, Value, Rest} = gb_trees:take_smallest(Tree),
            drain(Rest, Sum + Value)
    end.

shift(Queue, Sum) ->
    case queue:out(Queue) of
        {{value, Value}, Rest} -> shift(Rest, Sum + Value);
        {empty, _} -> Sum
    end.

expected(N) ->
    Sum = N * (N + 1) div 2,
    {N, Sum, Sum, Sum, N}.
