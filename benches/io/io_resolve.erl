%% A host's addresses by its name, through the native resolver.
-module(io_resolve).
-export([size/0, run/1, expected/1, ops/1]).

size() -> 3000.
ops(N) -> N.
expected(N) -> N.

run(N) -> resolve(N, 0).

resolve(0, Count) -> Count;
resolve(N, Count) ->
    {ok, _} = inet_gethost_native:gethostbyname("localhost"),
    resolve(N - 1, Count + 1).
