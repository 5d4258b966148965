%% Selective receive: answers with a fresh reference behind a long mailbox, and a search through a mailbox.
-module(msg_selective).
-export([size/0, run/1, expected/1, ops/1]).

size() -> 150000.
ops(N) -> N.
expected(N) -> {N, 800, 20000}.

run(N) ->
    Server = spawn_link(fun server/0),
    Self = self(),
    [Self ! {noise, I} || I <- lists:seq(1, 20000)],
    Calls = call(N, Server, 0),
    Found = search(800, 0),
    unlink(Server),
    Server ! stop,
    {Calls, Found, flush(0)}.

call(0, _, Count) -> Count;
call(N, Server, Count) ->
    Ref = monitor(process, Server),
    Server ! {self(), Ref, N},
    receive {Ref, N} -> demonitor(Ref, [flush]), call(N - 1, Server, Count + 1) end.

%% No marker helps here: the whole mailbox is passed each time.
search(0, Found) -> Found;
search(N, Found) ->
    self() ! {wanted, N},
    receive {wanted, _} -> search(N - 1, Found + 1) end.

server() ->
    receive
        {From, Ref, N} -> From ! {Ref, N}, server();
        stop -> ok
    end.

flush(Count) -> receive {noise, _} -> flush(Count + 1) after 0 -> Count end.
