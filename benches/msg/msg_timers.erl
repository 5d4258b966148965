%% Timers that are started and cancelled, and some that fire.
-module(msg_timers).
-export([size/0, run/1, expected/1, ops/1]).

size() -> 200000.
ops(N) -> 2 * N.
expected(N) -> {N, N div 20, N}.

run(N) ->
    Cancelled = start_and_cancel(N, 0),
    Fired = fire(N div 20),
    {Cancelled, Fired, timeouts(N, 0)}.

start_and_cancel(0, Count) -> Count;
start_and_cancel(N, Count) ->
    A = erlang:start_timer(60000 + N rem 1000, self(), a),
    B = erlang:send_after(1000 + N, self(), b),
    true = is_integer(erlang:cancel_timer(A)),
    true = is_integer(erlang:cancel_timer(B)),
    start_and_cancel(N - 1, Count + 1).

fire(N) ->
    [erlang:send_after(I rem 20, self(), fired) || I <- lists:seq(1, N)],
    length([receive fired -> ok end || _ <- lists:seq(1, N)]).

%% A receive with a timeout that never comes.
timeouts(0, Count) -> Count;
timeouts(N, Count) ->
    self() ! message,
    receive message -> timeouts(N - 1, Count + 1) after 5000 -> late end.
