%% Maps of many keys: inserting, reading, updating, folding and removing in a hash trie.
-module(cpu_maps_large).
-export([size/0, run/1, expected/1]).

size() -> 80000.

run(N) ->
    Full = insert(N, #{}),
    Sum = read(N, Full, 0),
    Doubled = maps:map(fun(_, V) -> V * 2 end, Full),
    Total = maps:fold(fun(_, V, Acc) -> V + Acc end, 0, Doubled),
    Updated = update(N, Doubled),
    Empty = remove(N, Updated),
    {maps:size(Full), Sum, Total, lists:sum(maps:values(Updated)) - Total, maps:size(Empty)}.

key(N) -> {N rem 7, N}.

insert(0, Map) -> Map;
insert(N, Map) -> insert(N - 1, Map#{key(N) => N}).

read(0, _, Sum) -> Sum;
read(N, Map, Sum) -> read(N - 1, Map, Sum + maps:get(key(N), Map)).

update(0, Map) -> Map;
update(N, Map) ->
    Key = key(N),
    #{Key := Value} = Map,
    update(N - 1, Map#{Key := Value + 1}).

remove(0, Map) -> Map;
remove(N, Map) -> remove(N - 1, maps:remove(key(N), Map)).

expected(N) ->
    Sum = N * (N + 1) div 2,
    {N, Sum, 2 * Sum, N, 0}.
