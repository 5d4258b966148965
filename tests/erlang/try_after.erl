%% try, of, catch, after: the order of what happens.
-module(try_after).
-export([main/0]).

main() ->
    show(steps(fun() -> ok end)),  %% expect: {{value,ok},[body,'of','after']}
    show(steps(fun() -> throw(t) end)),  %% expect: {{thrown,t},[body,'catch','after']}
    show(steps(fun() -> error(e) end)),  %% expect: {{failed,e},[body,'catch','after']}
    show(steps(fun() -> exit(x) end)),  %% expect: {{left,x},[body,'catch','after']}
    show(nested()),  %% expect: {caught,ran}
    show(after_replaces()),  %% expect: second
    show(of_is_not_protected()),  %% expect: right
    show(loop(5, [])),  %% expect: [-5,-10,infinity,10,5]
    show(non_local()).  %% expect: {found,3}

steps(Fun) ->
    put(steps, []),
    Result =
        try
            step(body),
            Fun()
        of
            Value ->
                step('of'),
                {value, Value}
        catch
            throw:T ->
                step('catch'),
                {thrown, T};
            error:E ->
                step('catch'),
                {failed, E};
            exit:X ->
                step('catch'),
                {left, X}
        after
            step('after')
        end,
    {Result, lists:reverse(erase(steps))}.

step(Name) -> put(steps, [Name | get(steps)]).

nested() ->
    try
        try throw(inner) after put(inner, ran) end
    catch
        throw:inner -> {caught, erase(inner)}
    end.

after_replaces() ->
    try
        try throw(first) after throw(second) end
    catch
        throw:Which -> Which
    end.

of_is_not_protected() ->
    try
        try ok of ok -> throw(in_of) catch throw:in_of -> wrong end
    catch
        throw:in_of -> right
    end.

loop(0, Acc) -> Acc;
loop(N, Acc) ->
    Result = try 10 div (N - 3) catch error:badarith -> infinity after ok end,
    loop(N - 1, [Result | Acc]).

non_local() ->
    catch lists:foreach(fun(X) when X > 2 -> throw({found, X}); (_) -> ok end, [1, 2, 3, 4]).

show(Term) -> io:format("~0tp~n", [Term]).
