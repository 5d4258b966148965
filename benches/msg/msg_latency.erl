%% How long a call to a server takes while all schedulers are busy with many other processes.
-module(msg_latency).
-export([size/0, run/1, expected/1, values/1, init/1, handle_call/3, handle_cast/2]).

-define(BUSY, 10000).

size() -> 2000.
expected(N) -> N.

run(N) ->
    {ok, Server} = gen_server:start_link(?MODULE, none, []),
    Busy = [spawn_link(fun() -> busy(I) end) || I <- lists:seq(1, ?BUSY)],
    Times = lists:sort(calls(N, Server, [])),
    [begin unlink(Pid), exit(Pid, kill) end || Pid <- Busy],
    unlink(Server),
    gen_server:stop(Server),
    Microseconds = fun(Share) -> lists:nth(max(1, round(length(Times) * Share)), Times) div 1000 end,
    {checked, length(Times), [{p50_us, max(1, Microseconds(0.5))}, {p999_us, max(1, Microseconds(0.999))}]}.

values({checked, _, Values}) -> Values.

calls(0, _, Times) -> Times;
calls(N, Server, Times) ->
    Start = erlang:monotonic_time(nanosecond),
    ok = gen_server:call(Server, hello, infinity),
    calls(N - 1, Server, [erlang:monotonic_time(nanosecond) - Start | Times]).

%% Works a little, sleeps a little.
busy(I) ->
    lists:sum(lists:seq(1, 200 + I rem 50)),
    receive after 50 + I rem 100 -> busy(I) end.

init(State) -> {ok, State}.

handle_call(hello, _, State) -> {reply, ok, State}.

handle_cast(_, State) -> {noreply, State}.
