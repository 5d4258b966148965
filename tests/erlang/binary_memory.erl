%% Large binaries are shared, counted and let go.
-module(binary_memory).
-export([main/0]).

main() ->
    erlang:garbage_collect(),
    Before = erlang:memory(binary),
    Big = binary:copy(<<"x">>, 20000000),
    show(erlang:memory(binary) - Before > 15000000),  %% expect: true
    Self = self(),
    Pids = [spawn(fun() -> receive B -> Self ! {size, byte_size(B)} end, receive stop -> ok end end) || _ <- lists:seq(1, 10)],
    [P ! Big || P <- Pids],
    show(lists:usort([receive {size, S} -> S end || _ <- Pids])),  %% expect: [20000000]
    show(erlang:memory(binary) - Before < 40000000),  %% expect: true
    show(length([x || {_, 20000000, _} <- element(2, process_info(self(), binary))]) >= 1),  %% expect: true
    [begin R = monitor(process, P), P ! stop, receive {'DOWN', R, _, _, _} -> ok end end || P <- Pids],
    show(byte_size(Big)),  %% expect: 20000000
    erlang:garbage_collect(),
    show(gone(Before, 100)).  %% expect: gone

gone(_, 0) -> still_there;
gone(Before, Tries) ->
    case erlang:memory(binary) - Before < 10000000 of
        true -> gone;
        false -> timer:sleep(10), gone(Before, Tries - 1)
    end.

show(Term) -> io:format("~0tp~n", [Term]).
