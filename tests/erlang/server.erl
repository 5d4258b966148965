%% OTP's behaviours at work: gen_server, supervisor, gen_statem, gen_event.
-module(server).
-export([main/0, init/1, handle_call/3, handle_cast/2, handle_info/2, terminate/2, callback_mode/0, handle_event/4, start_child/1]).

main() ->
    logger:set_primary_config(level, none),
    process_flag(trap_exit, true),
    {ok, Pid} = gen_server:start_link({local, counter}, ?MODULE, {counter, 5}, []),
    show([gen_server:call(counter, {add, N}) || N <- [1, 2, 3]]),  %% expect: [6,8,11]
    gen_server:cast(counter, reset),
    show(gen_server:call(Pid, {add, 1})),  %% expect: 1
    Pid ! {self(), ping},
    show(receive pong -> pong after 1000 -> none end),  %% expect: pong
    show(element(1, element(2, catch gen_server:call(Pid, slow, 20)))),  %% expect: timeout
    show(gen_server:stop(Pid)),  %% expect: ok
    show(receive {'EXIT', Pid, R} -> R after 1000 -> none end),  %% expect: normal
    show(element(1, element(2, catch gen_server:call(counter, x)))),  %% expect: noproc
    {ok, Sup} = supervisor:start_link(?MODULE, sup),
    [{one, Child, worker, _}] = supervisor:which_children(Sup),
    exit(Child, kill),
    show(restarted(Sup, Child, 100)),  %% expect: restarted
    show(supervisor:count_children(Sup)),  %% expect: [{specs,1},{active,1},{supervisors,0},{workers,1}]
    show(gen_server:stop(Sup)),  %% expect: ok
    {ok, Fsm} = gen_statem:start_link(?MODULE, statem, []),
    show([gen_statem:call(Fsm, push) || _ <- [1, 2, 3]]),  %% expect: [{on,1},{off,1},{on,2}]
    show(gen_statem:stop(Fsm)),  %% expect: ok
    {ok, Failing} = gen_server:start(?MODULE, {counter, 0}, []),
    show(element(1, element(1, element(2, catch gen_server:call(Failing, crash))))),  %% expect: badarith
    show(gen_server:start(?MODULE, stop, [])),  %% expect: {error,not_today}
    show(element(1, element(2, proc_lib:start(?MODULE, no_such, [])))).  %% expect: undef

restarted(_, _, 0) -> never;
restarted(Sup, Old, Tries) ->
    case supervisor:which_children(Sup) of
        [{one, New, worker, _}] when is_pid(New), New =/= Old -> restarted;
        _ -> timer:sleep(10), restarted(Sup, Old, Tries - 1)
    end.

start_child(N) -> gen_server:start_link(?MODULE, {counter, N}, []).

init({counter, N}) -> {ok, N};
init(stop) -> {stop, not_today};
init(statem) -> {ok, off, 0};
init(sup) -> {ok, {#{strategy => one_for_one}, [#{id => one, start => {?MODULE, start_child, [1]}}]}}.

handle_call({add, N}, _, State) -> {reply, State + N, State + N};
handle_call(crash, _, State) -> {reply, State / (State - State), State};
handle_call(slow, From, State) -> timer:sleep(60), gen_server:reply(From, late), {noreply, State}.

handle_cast(reset, _) -> {noreply, 0}.

handle_info({From, ping}, State) -> From ! pong, {noreply, State};
handle_info(_, State) -> {noreply, State}.

terminate(_, _) -> ok.

callback_mode() -> handle_event_function.

handle_event({call, From}, push, off, N) -> {next_state, on, N + 1, [{reply, From, {on, N + 1}}]};
handle_event({call, From}, push, on, N) -> {next_state, off, N, [{reply, From, {off, N}}]}.

show(Term) -> io:format("~0tp~n", [Term]).
