%% Funs: made, passed, called; folds, maps, composition, and apply with a module.
-module(cpu_closures).
-export([size/0, run/1, expected/1, twice/1]).

size() -> 800.

run(N) -> run(N, lists:seq(1, 3000), 0).

run(0, _, Sum) -> Sum;
run(N, List, _) ->
    Adders = [fun(X) -> X + A end || A <- List],
    Sum = lists:foldl(fun(F, Acc) -> F(Acc) end, 0, Adders),
    Compose = compose([fun(X) -> X * 2 end, fun(X) -> X - 1 end, fun ?MODULE:twice/1, fun erlang:abs/1]),
    Mapped = lists:map(fun(X) -> Compose(X + N - N) end, List),
    Kept = lists:filter(fun(X) -> X rem 3 =/= 0 end, Mapped),
    Module = ?MODULE,
    run(N - 1, List, {Sum, lists:sum([Module:twice(X) || X <- Kept])}).

compose([F]) -> F;
compose([F | Fs]) ->
    G = compose(Fs),
    fun(X) -> F(G(X)) end.

twice(X) -> X + X.

expected(_) ->
    Mapped = [(2 * X - 1) * 2 || X <- lists:seq(1, 3000)],
    {4501500, lists:sum([2 * X || X <- Mapped, X rem 3 =/= 0])}.
