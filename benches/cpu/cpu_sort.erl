%% Comparing and building lists: lists:sort/1 and a quicksort with comprehensions, on numbers and on tuples.
-module(cpu_sort).
-export([size/0, run/1, expected/1]).

size() -> 80000.

run(N) ->
    Numbers = random(N, 42, []),
    Tuples = [{X rem 100, X} || X <- Numbers],
    Sorted = lists:sort(Numbers),
    Sorted = quicksort(Numbers),
    Pairs = lists:sort(Tuples),
    Pairs = lists:keysort(1, Sorted =:= lists:sort(Numbers) andalso lists:keysort(2, Tuples)),
    {length(Sorted), hd(Sorted) =< lists:last(Sorted), ordered(Pairs)}.

random(0, _, Numbers) -> Numbers;
random(N, Seed, Numbers) ->
    Next = (Seed * 1103515245 + 12345) band 16#7fffffff,
    random(N - 1, Next, [Next | Numbers]).

quicksort([]) -> [];
quicksort([Pivot | Rest]) ->
    quicksort([X || X <- Rest, X < Pivot]) ++ [Pivot | quicksort([X || X <- Rest, X >= Pivot])].

ordered([A | [B | _] = Rest]) -> A =< B andalso ordered(Rest);
ordered(_) -> true.

expected(N) -> {N, true, true}.
