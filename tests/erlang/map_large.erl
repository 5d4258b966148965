%% Maps of more than 32 keys: the hash trie behaves as the flat map does.
-module(map_large).
-export([main/0]).

main() ->
    N = 5000,
    Map = maps:from_list([{I, I * I} || I <- lists:seq(1, N)]),
    show(maps:size(Map)),  %% expect: 5000
    show([maps:get(I, Map) || I <- [1, 32, 33, 4999, 5000]]),  %% expect: [1,1024,1089,24990001,25000000]
    show(maps:find(5001, Map)),  %% expect: error
    show(lists:sum(maps:keys(Map))),  %% expect: 12502500
    Smaller = lists:foldl(fun maps:remove/2, Map, lists:seq(33, N)),
    show(Smaller =:= maps:from_list([{I, I * I} || I <- lists:seq(1, 32)])),  %% expect: true
    show(map_size(Smaller)),  %% expect: 32
    show(maps:size(lists:foldl(fun maps:remove/2, Map, lists:seq(1, N)))),  %% expect: 0
    Updated = Map#{1 := one, 5000 := last, extra => new},
    show([maps:get(K, Updated) || K <- [1, 5000, extra, 2]]),  %% expect: [one,last,new,4]
    show(Map =:= maps:from_list(lists:reverse(maps:to_list(Map)))),  %% expect: true
    show(Map < Updated),  %% expect: true
    show(lists:sort(maps:keys(maps:filter(fun(K, _) -> K rem 1000 =:= 0 end, Map)))),  %% expect: [1000,2000,3000,4000,5000]
    show(maps:size(maps:merge(Map, maps:map(fun(_, V) -> {V} end, Updated)))),  %% expect: 5001
    {Sum, Count} = iterate(maps:next(maps:iterator(Map)), {0, 0}),
    show({Sum =:= N * (N + 1) * (2 * N + 1) div 6, Count}),  %% expect: {true,5000}
    Mixed = maps:from_list([{K, true} || I <- lists:seq(1, 50), K <- [I, float(I), {I}, [I], <<I>>]]),
    show(maps:size(Mixed)),  %% expect: 250
    show(erlang:phash2(Map)),  %% expect: 26950366
    show(binary_to_term(term_to_binary(Map)) =:= Map).  %% expect: true

iterate(none, Sums) -> Sums;
iterate({_, V, Next}, {Sum, Count}) -> iterate(maps:next(Next), {Sum + V, Count + 1}).

show(Term) -> io:format("~0tp~n", [Term]).
