%% A token around a ring of processes.
-module(msg_ring).
-export([size/0, run/1, expected/1, ops/1]).

-define(MEMBERS, 1000).

size() -> 600.
ops(N) -> N * ?MEMBERS.
expected(N) -> N * ?MEMBERS.

run(N) ->
    Self = self(),
    First = spawn_link(fun() -> first(Self) end),
    Last = lists:foldl(fun(_, Next) -> spawn_link(fun() -> member(Next) end) end, First, lists:seq(2, ?MEMBERS)),
    First ! {start, Last, N},
    receive {done, Hops} -> Hops end.

first(Parent) ->
    receive {start, Next, Rounds} -> Next ! {token, 1}, turn(Parent, Next, Rounds) end.

turn(Parent, Next, 1) ->
    receive {token, Hops} -> Next ! stop, Parent ! {done, Hops} end;
turn(Parent, Next, Rounds) ->
    receive {token, Hops} -> Next ! {token, Hops + 1}, turn(Parent, Next, Rounds - 1) end.

member(Next) ->
    receive
        {token, Hops} -> Next ! {token, Hops + 1}, member(Next);
        stop -> Next ! stop
    end.
