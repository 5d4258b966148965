%% Exceptions of each class, their reasons, and catch.
-module(exception).
-export([main/0]).

main() ->
    show(caught(fun() -> throw(ball) end)),  %% expect: {throw,ball}
    show(caught(fun() -> exit(done) end)),  %% expect: {exit,done}
    show(caught(fun() -> error(bad) end)),  %% expect: {error,bad}
    show(caught(fun() -> 1 / id(0) end)),  %% expect: {error,badarith}
    show(caught(fun() -> 1 + id(a) end)),  %% expect: {error,badarith}
    show(caught(fun() -> {a, b} = id({a, c}) end)),  %% expect: {error,{badmatch,{a,c}}}
    show(caught(fun() -> case id(3) of 1 -> ok; 2 -> ok end end)),  %% expect: {error,{case_clause,3}}
    show(caught(fun() -> X = id(1), if X > 2 -> ok end end)),  %% expect: {error,if_clause}
    show(caught(fun() -> (fun(1) -> ok end)(id(2)) end)),  %% expect: {error,function_clause}
    show(caught(fun() -> (id(not_a_fun))(1) end)),  %% expect: {error,{badfun,not_a_fun}}
    show(element(1, caught(fun() -> (fun(X) -> X end)(1, 2) end))),  %% expect: error
    show(caught(fun() -> no_such_module:function(1, 2) end)),  %% expect: {error,undef}
    show(caught(fun() -> apply(lists, reverse, [1 | 2]) end)),  %% expect: {error,badarg}
    show(caught(fun() -> hd(id([])) end)),  %% expect: {error,badarg}
    show(caught(fun() -> element(3, id({1, 2})) end)),  %% expect: {error,badarg}
    show(caught(fun() -> id(x) andalso true end)),  %% expect: {error,{badarg,x}}
    show(caught(fun() -> try id(1) of 2 -> ok catch _:_ -> no end end)),  %% expect: {error,{try_clause,1}}
    show(catch throw(caught)),  %% expect: caught
    show(element(1, catch error(caught))),  %% expect: 'EXIT'
    show(catch exit(caught)),  %% expect: {'EXIT',caught}
    show(catch 1 + 1),  %% expect: 2
    show(try throw(a) catch throw:X when X =:= b -> b; throw:Y -> {other, Y} end),  %% expect: {other,a}
    show(caught(fun() -> try error(first) catch error:first -> error(second) end end)),  %% expect: {error,second}
    show(caught(fun() -> erlang:raise(throw, raised, []) end)),  %% expect: {throw,raised}
    show(erlang:raise(strange, x, [])).  %% expect: badarg

id(X) -> X.

show(Term) -> io:format("~0tp~n", [Term]).

caught(Fun) ->
    try Fun() of
        Value -> {value, Value}
    catch
        Class:Reason -> {Class, Reason}
    end.
