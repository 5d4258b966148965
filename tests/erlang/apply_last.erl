%% A BIF as the last call by apply: its caller is in the stack trace, it may give way, and its result is returned.
-module(apply_last).
-export([main/0, framed/2, direct/3, listed/2]).

main() ->
    show(died(framed, [error, oops])),  %% expect: {oops,[{apply_last,framed,2}]}
    show(died(direct, [erlang, error, [oops]])),  %% expect: {oops,[{apply_last,direct,3}]}
    show(died(listed, [error, [oops]])),  %% expect: {oops,[{apply_last,listed,2}]}
    show(direct(lists, reverse, [lists:seq(1, 5)])),  %% expect: [5,4,3,2,1]
    show(length(direct(lists, reverse, [lists:seq(1, 100000)]))),  %% expect: 100000
    show(length(listed(binary_to_list, [binary:copy(<<"x">>, 500000)]))),  %% expect: 500000
    show(framed(byte_size, <<"four">>)),  %% expect: 4
    show(byte_size(framed(term_to_binary, lists:duplicate(300000, {a, 1.5})))).  %% expect: 4500007

framed(Function, X) ->
    put(seen, X),
    apply(erlang, Function, [X]).

direct(M, F, A) -> apply(M, F, A).

listed(F, A) ->
    put(seen, F),
    apply(erlang, F, A).

died(F, A) ->
    {_, Ref} = spawn_monitor(?MODULE, F, A),
    receive {'DOWN', Ref, _, _, {Reason, Trace}} -> {Reason, [{M, Fun, Ar} || {M, Fun, Ar, _} <- Trace]} end.

show(Term) -> io:format("~0p~n", [Term]).
