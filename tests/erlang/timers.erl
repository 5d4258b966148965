%% Timers: start, cancel, read, absolute times, clocks, and that time goes forward.
-module(timers).
-export([main/0]).

main() ->
    Ref = erlang:start_timer(20, self(), payload),
    show(receive {timeout, Ref, What} -> What after 2000 -> late end),  %% expect: payload
    show(erlang:cancel_timer(Ref)),  %% expect: false
    Long = erlang:send_after(60000, self(), never),
    Left = erlang:read_timer(Long),
    show(Left > 59000 andalso Left =< 60000),  %% expect: true
    show(erlang:cancel_timer(Long) > 59000),  %% expect: true
    show({erlang:read_timer(Long), erlang:cancel_timer(Long)}),  %% expect: {false,false}
    Async = erlang:send_after(60000, self(), never),
    show(erlang:cancel_timer(Async, [{async, true}])),  %% expect: ok
    show(receive {cancel_timer, Async, N} -> is_integer(N) after 1000 -> none end),  %% expect: true
    [erlang:send_after(T, self(), {fired, T}) || T <- [60, 20, 40]],
    show([receive {fired, T} -> T after 2000 -> late end || _ <- [1, 2, 3]]),  %% expect: [20,40,60]
    erlang:send_after(erlang:monotonic_time(millisecond) + 30, self(), absolute, [{abs, true}]),
    show(receive absolute -> absolute after 2000 -> late end),  %% expect: absolute
    show(caught(fun() -> erlang:send_after(-1, self(), x) end)),  %% expect: {error,badarg}
    show(caught(fun() -> erlang:send_after(1 bsl 70, self(), x) end)),  %% expect: {error,badarg}
    erlang:send_after(10, no_such_name, lost),
    T0 = erlang:monotonic_time(),
    timer:sleep(30),
    Slept = erlang:convert_time_unit(erlang:monotonic_time() - T0, native, millisecond),
    show(Slept >= 30 andalso Slept < 5000),  %% expect: true
    Times = [erlang:monotonic_time() || _ <- lists:seq(1, 1000)],
    show(Times =:= lists:sort(Times)),  %% expect: true
    show(abs(erlang:system_time(second) - os:system_time(second)) =< 1),  %% expect: true
    show(erlang:unique_integer([monotonic]) < erlang:unique_integer([monotonic])),  %% expect: true
    show({erlang:convert_time_unit(1500, millisecond, second), erlang:convert_time_unit(-1500, 1000, 1)}),  %% expect: {1,-2}
    show(calendar:system_time_to_rfc3339(0, [{offset, "Z"}])),  %% expect: "1970-01-01T00:00:00Z"
    Dead = spawn(fun() -> ok end),
    show(is_reference(erlang:send_after(1, Dead, x))),  %% expect: true
    {ok, Interval} = timer:send_interval(5, tick),
    show([receive tick -> tick after 2000 -> late end || _ <- [1, 2, 3]]),  %% expect: [tick,tick,tick]
    show(element(1, timer:cancel(Interval))).  %% expect: ok

show(Term) -> io:format("~0tp~n", [Term]).

caught(Fun) ->
    try Fun() of
        Value -> {value, Value}
    catch
        Class:Reason -> {Class, Reason}
    end.
