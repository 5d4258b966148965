%% List and bit comprehensions: generators, filters, nesting, order, failure.
-module(comprehension).
-export([main/0]).

main() ->
    show([X * Y || X <- [1, 2, 3], Y <- [10, 20], X =/= 2]),  %% expect: [10,20,30,60]
    show([{X, Y} || X <- "ab", Y <- lists:seq(1, 2)]),  %% expect: [{97,1},{97,2},{98,1},{98,2}]
    show([X || {ok, X} <- [{ok, 1}, error, {ok, 2}, {ok, 3, 4}]]),  %% expect: [1,2]
    show([X || X <- [1, a, 2.0, "s"], is_number(X)]),  %% expect: [1,2.0]
    show([[Y || Y <- lists:seq(1, X)] || X <- [0, 1, 3]]),  %% expect: [[],[1],[1,2,3]]
    show([X || <<X:4>> <= <<16#abc:12>>]),  %% expect: "\n\v\f"
    show(<< <<(X * 2)>> || X <- [1, 2, 3] >>),  %% expect: <<2,4,6>>
    show([{A, B, C} || A <- lists:seq(1, 20), B <- lists:seq(A, 20), C <- lists:seq(B, 20), A * A + B * B =:= C * C]),  %% expect: [{3,4,5},{5,12,13},{6,8,10},{8,15,17},{9,12,15},{12,16,20}]
    show(caught(fun() -> [X || X <- id(not_a_list)] end)),  %% expect: {error,{bad_generator,not_a_list}}
    show(caught(fun() -> [X || X <- [1 | id(improper)]] end)),  %% expect: {error,{bad_generator,improper}}
    show(caught(fun() -> [X || X <- [1, 2], id(maybe_true)] end)),  %% expect: {error,{bad_filter,maybe_true}}
    show([X || X <- [1, 2, 3], element(X, {true, false, true})]),  %% expect: [1,3]
    show([X || X <- [1, 2, 3], hd(X) =:= 1]),  %% expect: []
    X = outer,
    show([X || X <- [inner]]),  %% expect: [inner]
    show({X, [Y || Y <- [X]]}),  %% expect: {outer,[outer]}
    show(length([ok || _ <- lists:seq(1, 100000)])).  %% expect: 100000

id(X) -> X.

show(Term) -> io:format("~0tp~n", [Term]).

caught(Fun) ->
    try Fun() of
        Value -> {value, Value}
    catch
        Class:Reason -> {Class, Reason}
    end.
