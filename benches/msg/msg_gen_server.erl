%% gen_server:call, one caller and many.
-module(msg_gen_server).
-export([size/0, run/1, expected/1, ops/1, init/1, handle_call/3, handle_cast/2]).

-define(CALLERS, 10).

size() -> 8000.
ops(N) -> 2 * N * ?CALLERS.
expected(N) -> {2 * N * ?CALLERS, ?CALLERS}.

run(N) ->
    {ok, Server} = gen_server:start_link(?MODULE, 0, []),
    call(N * ?CALLERS, Server),
    Self = self(),
    [spawn_link(fun() -> call(N, Server), Self ! done end) || _ <- lists:seq(1, ?CALLERS)],
    Done = length([receive done -> ok end || _ <- lists:seq(1, ?CALLERS)]),
    Count = gen_server:call(Server, read),
    unlink(Server),
    gen_server:stop(Server),
    {Count, Done}.

call(0, _) -> ok;
call(N, Server) ->
    ok = gen_server:call(Server, add),
    call(N - 1, Server).

init(Count) -> {ok, Count}.

handle_call(add, _, Count) -> {reply, ok, Count + 1};
handle_call(read, _, Count) -> {reply, Count, Count}.

handle_cast(_, Count) -> {noreply, Count}.
