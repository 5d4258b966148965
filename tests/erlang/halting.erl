%% Leaving with an exit code: what was printed before is not lost.
%% exit: 3
-module(halting).
-export([main/0]).

main() ->
    show(before),  %% expect: before
    spawn(fun() -> timer:sleep(10), halt(3) end),
    timer:sleep(5000),
    io:put_chars("too late\n").

show(Term) -> io:format("~0tp~n", [Term]).
