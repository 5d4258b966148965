%% Tuples: the BIFs, their limits and errors.
-module(tuples).
-export([main/0]).

main() ->
    show({element(2, {a, b}), setelement(1, {a, b}, x), tuple_size({}), size({1})}),  %% expect: {b,{x,b},0,1}
    show(erlang:make_tuple(3, x)),  %% expect: {x,x,x}
    show(erlang:make_tuple(4, [], [{2, b}, {4, d}, {2, c}])),  %% expect: {[],c,[],d}
    show(erlang:append_element({1}, two)),  %% expect: {1,two}
    show(erlang:insert_element(2, {a, c}, b)),  %% expect: {a,b,c}
    show(erlang:delete_element(1, {a, b})),  %% expect: {b}
    show({tuple_to_list({1, {2}}), list_to_tuple([1, 2])}),  %% expect: {[1,{2}],{1,2}}
    show(caught(fun() -> element(0, {a}) end)),  %% expect: {error,badarg}
    show(caught(fun() -> setelement(3, {a, b}, c) end)),  %% expect: {error,badarg}
    show(caught(fun() -> list_to_tuple([a | b]) end)),  %% expect: {error,badarg}
    show(caught(fun() -> erlang:make_tuple(-1, x) end)),  %% expect: {error,badarg}
    Big = list_to_tuple(lists:seq(1, 100000)),
    show({tuple_size(Big), element(77777, Big), element(5, setelement(5, Big, five))}),  %% expect: {100000,77777,five}
    show({1, 2, 3} =:= list_to_tuple([1, 2, 3])),  %% expect: true
    T = {a, b, c},
    T2 = setelement(1, setelement(2, setelement(3, T, z), y), x),
    show({T, T2}).  %% expect: {{a,b,c},{x,y,z}}

show(Term) -> io:format("~0tp~n", [Term]).

caught(Fun) ->
    try Fun() of
        Value -> {value, Value}
    catch
        Class:Reason -> {Class, Reason}
    end.
