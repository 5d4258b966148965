%% Mixed load inside an image: TCP echo for clients on the host, timers, ETS, and processes that come and go.
%% Every few seconds a line tells what there is; whatever goes wrong ends the guest with code 1.
-module(image_soak).
-export([start/0]).

-define(PORT, 7).
-define(REPORT_MS, 5000).
-define(TIMERS, 500).
-define(KEYS, 2000).

start() ->
    process_flag(trap_exit, true),
    Counters = counters:new(4, []),
    {ok, Listen} = gen_tcp:listen(?PORT, [binary, {active, false}, {reuseaddr, true}, {backlog, 256}, {nodelay, true}]),
    Loads = [fun() -> accept(Listen, Counters) end,
             fun() -> timers(Counters) end,
             fun() -> tables(Counters) end,
             fun() -> processes(Counters) end],
    [spawn_link(Load) || Load <- Loads],
    io:format("serving~n"),
    report(Counters, erlang:monotonic_time(second)).

report(Counters, Start) ->
    receive
        {'EXIT', _, Reason} ->
            io:format("failed ~p~n", [Reason]),
            halt(1)
    after ?REPORT_MS ->
        [erlang:garbage_collect(Pid) || Pid <- processes()],
        [Echoed, Fired, Looked, Spawned] = [counters:get(Counters, N) || N <- [1, 2, 3, 4]],
        io:format("soak ~w s memory=~w available=~w processes=~w ports=~w echoed=~w fired=~w looked=~w spawned=~w~n",
                  [erlang:monotonic_time(second) - Start, erlang:memory(total) div 1024, available(),
                   length(processes()), length(erlang:ports()), Echoed, Fired, Looked, Spawned]),
        report(Counters, Start)
    end.

%% Kilobytes that the kernel has left.
available() ->
    {ok, Text} = file:read_file("/proc/meminfo"),
    {match, [Number]} = re:run(Text, "MemAvailable: *([0-9]+)", [{capture, all_but_first, list}]),
    list_to_integer(Number).

accept(Listen, Counters) ->
    {ok, Socket} = gen_tcp:accept(Listen),
    Pid = spawn(fun() -> receive go -> echo(Socket, Counters) end end),
    ok = gen_tcp:controlling_process(Socket, Pid),
    Pid ! go,
    accept(Listen, Counters).

echo(Socket, Counters) ->
    ok = inet:setopts(Socket, [{active, once}]),
    receive
        {tcp, Socket, Bytes} ->
            ok = gen_tcp:send(Socket, Bytes),
            counters:add(Counters, 1, 1),
            echo(Socket, Counters);
        {tcp_closed, Socket} ->
            ok;
        {tcp_error, Socket, _} ->
            ok
    end.

timers(Counters) ->
    [arm(N) || N <- lists:seq(1, ?TIMERS)],
    fired(Counters).

%% Of three timers one is cancelled and one is read before a new one is started.
arm(N) -> erlang:start_timer(100 + rand:uniform(2000), self(), N).

fired(Counters) ->
    receive
        {timeout, Ref, N} when is_reference(Ref) ->
            false = erlang:read_timer(Ref),
            counters:add(Counters, 2, 1),
            Other = arm(N),
            case N rem 3 of
                0 -> Left = erlang:cancel_timer(Other), true = is_integer(Left), arm(N);
                1 -> true = is_integer(erlang:read_timer(Other));
                2 -> ok
            end,
            fired(Counters)
    end.

tables(Counters) ->
    Tables = [ets:new(load, [Type, public]) || Type <- [set, ordered_set]],
    tables(Tables, Counters, 0).

tables(Tables, Counters, Round) ->
    [begin
         Keys = [rand:uniform(?KEYS) || _ <- lists:seq(1, 50)],
         [ets:insert(Table, {Key, Round, binary:copy(<<Key:32>>, 40)}) || Key <- Keys],
         [[{Key, Round, <<Key:32, _/binary>>}] = ets:lookup(Table, Key) || Key <- Keys],
         [ets:delete(Table, Key) || Key <- Keys, Key rem 2 =:= 0],
         true = is_list(ets:select(Table, [{{'$1', Round, '_'}, [], ['$1']}])),
         counters:add(Counters, 3, 50)
     end || Table <- Tables],
    timer:sleep(20),
    tables(Tables, Counters, Round + 1).

processes(Counters) ->
    Workers = [spawn_monitor(fun() -> receive {From, N} -> From ! {self(), lists:sum(lists:seq(1, N))} end end)
               || _ <- lists:seq(1, 20)],
    [Pid ! {self(), 100} || {Pid, _} <- Workers],
    [receive {Pid, 5050} -> ok end || {Pid, _} <- Workers],
    [receive {'DOWN', Ref, process, Pid, normal} -> ok end || {Pid, Ref} <- Workers],
    counters:add(Counters, 4, 20),
    timer:sleep(20),
    processes(Counters).
