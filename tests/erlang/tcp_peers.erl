%% Peers that reset, stall, send one byte at a time, or flood.
-module(tcp_peers).
-export([main/0]).

main() ->
    %% A reset while reading and while writing.
    {A, B} = pair([{active, false}]),
    ok = inet:setopts(B, [{linger, {true, 0}}]),
    ok = gen_tcp:close(B),
    print(gen_tcp:recv(A, 0)), %% expect: {error,closed}
    {C, D} = pair([{active, true}, {show_econnreset, true}]),
    ok = inet:setopts(D, [{linger, {true, 0}}]),
    ok = gen_tcp:close(D),
    print(receive {tcp_error, C, Reason} -> Reason end), %% expect: econnreset
    print(receive {tcp_closed, C} -> closed end), %% expect: closed
    %% A peer that does not read: the sender is stopped by its timeout, with all that is in between kept.
    {E, F} = pair([{active, false}, {send_timeout, 50}, {sndbuf, 4096}, {recbuf, 4096}, {high_watermark, 4096}, {low_watermark, 2048}]),
    Sent = flood(E, binary:copy(<<"x">>, 10000), 0),
    print(Sent >= 1), %% expect: true
    {ok, "x"} = gen_tcp:recv(F, 1),
    ok = gen_tcp:close(F),
    ok = gen_tcp:close(E),
    %% One byte at a time: packets come whole.
    {G, H} = pair([{active, true}, {packet, 2}]),
    ok = inet:setopts(H, [{packet, raw}]),
    [ok = gen_tcp:send(H, <<Byte>>) || <<Byte>> <= <<0, 5, "hello", 0, 0, 0, 5, "world">>],
    print([receive {tcp, G, Packet} -> Packet end || _ <- [1, 2, 3]]), %% expect: ["hello",[],"world"]
    %% A flood, active for a number of messages: then passive, nothing lost.
    {I, J} = pair([{active, false}, binary, {packet, 4}]),
    spawn_link(fun() -> [ok = gen_tcp:send(J, <<N:32>>) || N <- lists:seq(1, 1000)] end),
    print(counted(I, 1, 1000)), %% expect: 1000
    %% Half closed: the other direction goes on.
    {K, L} = pair([{active, false}, {exit_on_close, false}]),
    ok = gen_tcp:shutdown(K, write),
    print(gen_tcp:recv(L, 0)), %% expect: {error,closed}
    ok = gen_tcp:send(L, "still"),
    print(gen_tcp:recv(K, 5)), %% expect: {ok,"still"}
    ok = gen_tcp:close(K),
    ok = gen_tcp:close(L).

pair(Options) ->
    {ok, Listener} = gen_tcp:listen(0, [{ip, {127, 0, 0, 1}} | Options]),
    {ok, Port} = inet:port(Listener),
    {ok, Near} = gen_tcp:connect({127, 0, 0, 1}, Port, Options),
    {ok, Far} = gen_tcp:accept(Listener),
    ok = gen_tcp:close(Listener),
    {Near, Far}.

flood(Socket, Data, Count) ->
    case gen_tcp:send(Socket, Data) of
        ok -> flood(Socket, Data, Count + 1);
        {error, timeout} -> Count
    end.

counted(_, N, Last) when N > Last -> Last;
counted(Socket, N, Last) ->
    ok = inet:setopts(Socket, [{active, 10}]),
    Next = take(Socket, N),
    counted(Socket, Next, Last).

take(Socket, N) ->
    receive
        {tcp, Socket, <<N:32>>} -> take(Socket, N + 1);
        {tcp_passive, Socket} -> N
    after 2000 -> N
    end.

print(Term) ->
    io:format("~p~n", [Term]).
