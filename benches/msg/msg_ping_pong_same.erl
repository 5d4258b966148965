%% A message there and one back, both processes on one scheduler.
-module(msg_ping_pong_same).
-export([size/0, run/1, expected/1, ops/1, rounds/3, echo/0]).

size() -> 400000.
ops(N) -> N.
expected(N) -> N.

run(N) -> rounds(N, 1, 1).

rounds(N, First, Second) ->
    Echo = place(fun echo/0, Second),
    Self = self(),
    place(fun() -> Self ! {done, ask(N, Echo, 0)} end, First),
    receive {done, Count} -> Echo ! stop, Count end.

ask(0, _, Count) -> Count;
ask(N, Echo, Count) ->
    Echo ! {self(), N},
    receive {Echo, N} -> ask(N - 1, Echo, Count + 1) end.

echo() ->
    receive
        {From, Message} -> From ! {self(), Message}, echo();
        stop -> ok
    end.

%% On the scheduler with this number, when there are so many.
place(Fun, Scheduler) ->
    case Scheduler =< erlang:system_info(schedulers_online) of
        true -> spawn_opt(Fun, [{scheduler, Scheduler}]);
        false -> spawn(Fun)
    end.
