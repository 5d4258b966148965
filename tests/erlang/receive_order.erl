%% Receiving: selection, order, timeouts, and what stays in the mailbox.
-module(receive_order).
-export([main/0]).

main() ->
    show(after_bad_timeout()),  %% expect: {error,timeout_value,first}
    [self() ! M || M <- [a, {b, 1}, c, {b, 2}, d]],
    show(receive {b, X} -> X end),  %% expect: 1
    show(receive {b, X2} -> X2 end),  %% expect: 2
    show(receive c -> c after 0 -> none end),  %% expect: c
    show(receive nothing -> c after 0 -> none end),  %% expect: none
    show(process_info(self(), messages)),  %% expect: {messages,[a,d]}
    show(flush([])),  %% expect: [a,d]
    show(receive late -> late after 20 -> timeout end),  %% expect: timeout
    Self = self(),
    spawn(fun() -> [Self ! {n, N} || N <- lists:seq(1, 1000)], Self ! done end),
    show(receive done -> [receive {n, N} -> N end || _ <- lists:seq(1, 1000)] =:= lists:seq(1, 1000) end),  %% expect: true
    Ref = make_ref(),
    [self() ! {noise, N} || N <- lists:seq(1, 1000)],
    self() ! {Ref, reply},
    show(receive {Ref, Reply} -> Reply end),  %% expect: reply
    show(length(flush([]))),  %% expect: 1000
    show(element(1, process_info(self(), message_queue_len))),  %% expect: message_queue_len
    show(element(1, element(2, catch (receive after id(bad) -> ok end)))),  %% expect: timeout_value
    show(receive after 0 -> now end),  %% expect: now
    [self() ! N || N <- [5, 3, 9]],
    show(receive N when N > 6 -> N end),  %% expect: 9
    show(priority()).  %% expect: 2

priority() ->
    self() ! {low, 1},
    self() ! {high, 2},
    receive {high, X} -> X after 0 -> receive {low, X} -> X end end.

id(X) -> X.

flush(Acc) ->
    receive M -> flush([M | Acc]) after 0 -> lists:reverse(Acc) end.

%% A receive that ends by an error leaves the next one to begin with the first message.
after_bad_timeout() ->
    self() ! first,
    {Class, Reason} = try receive nothing -> ok after id(never) -> ok end catch C:R -> {C, R} end,
    receive first -> {Class, Reason, first} after 100 -> {Class, Reason, lost} end.

show(Term) -> io:format("~0tp~n", [Term]).
