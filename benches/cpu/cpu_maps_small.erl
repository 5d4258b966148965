%% Maps of a few keys used as records: matching, updating, growing, folding.
-module(cpu_maps_small).
-export([size/0, run/1, expected/1]).

size() -> 1500000.

run(N) ->
    #{count := Count, sum := Sum, last := Last} = loop(N, #{count => 0, sum => 0, last => none, kind => a}),
    {Count, Sum, Last}.

loop(0, State) -> State;
loop(N, #{count := Count, sum := Sum} = State) ->
    Event = event(N),
    loop(N - 1, apply_event(Event, State#{count := Count + 1, sum := Sum + maps:get(value, Event)})).

event(N) when N rem 3 =:= 0 -> #{type => tick, value => N band 7};
event(N) when N rem 3 =:= 1 -> #{type => tock, value => N band 3, extra => true};
event(N) -> #{type => tack, value => N band 1, id => N}.

apply_event(#{type := tick}, State) -> State#{kind := b};
apply_event(#{type := tock, extra := true}, State) -> maps:remove(temporary, State#{kind := c});
apply_event(#{id := Id}, State) -> State#{last := Id, temporary => Id}.

expected(N) ->
    Values = fun(I) when I rem 3 =:= 0 -> I band 7; (I) when I rem 3 =:= 1 -> I band 3; (I) -> I band 1 end,
    {N, lists:sum([Values(I) || I <- lists:seq(1, N)]), 2}.
