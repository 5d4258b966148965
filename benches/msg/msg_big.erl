%% Large messages: a list, a map, a nested tuple are copied; a large binary is shared.
-module(msg_big).
-export([size/0, run/1, expected/1, ops/1]).

size() -> 800.
ops(N) -> 4 * N.
expected(N) -> {N * 5000, N * 500, N * 1023, N * 1000000}.

run(N) ->
    Echo = spawn_link(fun echo/0),
    List = lists:seq(1, 5000),
    Map = maps:from_list([{{key, I}, [I]} || I <- lists:seq(1, 500)]),
    Tree = tree(9),
    Binary = binary:copy(<<0>>, 1000000),
    Result = {exchange(N, Echo, List, fun erlang:length/1), exchange(N, Echo, Map, fun erlang:map_size/1),
              exchange(N, Echo, Tree, fun count/1), exchange(N, Echo, Binary, fun erlang:byte_size/1)},
    unlink(Echo),
    Echo ! stop,
    Result.

exchange(N, Echo, Term, Size) -> exchange(N, Echo, Term, Size, 0).

exchange(0, _, _, _, Sum) -> Sum;
exchange(N, Echo, Term, Size, Sum) ->
    Echo ! {self(), Term},
    receive {Echo, Back} -> exchange(N - 1, Echo, Term, Size, Sum + Size(Back)) end.

tree(0) -> {leaf};
tree(N) -> {tree(N - 1), N, tree(N - 1)}.

count({leaf}) -> 1;
count({L, _, R}) -> count(L) + 1 + count(R).

echo() ->
    receive
        {From, Term} -> From ! {self(), Term}, echo();
        stop -> ok
    end.
