%% Lists: construction, the list operators, the BIFs of the module lists.
-module(list).
-export([main/0]).

main() ->
    show([1, 2 | [3 | []]]),  %% expect: [1,2,3]
    show([a | b]),  %% expect: [a|b]
    show([1, 2, 3] ++ [4] ++ tail),  %% expect: [1,2,3,4|tail]
    show([1, 2, 3, 2, 1] -- [2, 1, 1]),  %% expect: [3,2]
    show([1, 1.0, 2, 2.0] -- [1.0]),  %% expect: [1,2,2.0]
    show(lists:reverse([1, 2], [3])),  %% expect: [2,1,3]
    show({lists:member(2.0, [1, 2, 3]), lists:member(2, [1, 2, 3])}),  %% expect: {false,true}
    show(lists:keyfind(2.0, 1, [{1, a}, {2, b}])),  %% expect: {2,b}
    show({lists:keymember(x, 2, [{1, x}]), lists:keysearch(y, 2, [{1, x}])}),  %% expect: {true,false}
    show(length(lists:seq(1, 100000))),  %% expect: 100000
    show(lists:sort([3, 1.0, 1, b, a, {}, [], <<>>, #{}, "x", -1])),  %% expect: [-1,1,1.0,3,a,b,{},#{},[],"x",<<>>]
    show(lists:usort([1, 1.0, 2, 1])),  %% expect: [1,2]
    show(lists:foldr(fun(X, Acc) -> [X * 2 | Acc] end, [], [1, 2, 3])),  %% expect: [2,4,6]
    show(lists:zip3([1, 2], [a, b], "xy")),  %% expect: [{1,a,120},{2,b,121}]
    show(lists:sublist(lists:seq(1, 10), 3, 4)),  %% expect: [3,4,5,6]
    show(lists:partition(fun(X) -> X > 2 end, [1, 2, 3, 4])),  %% expect: {[3,4],[1,2]}
    show({hd([1 | 2]), tl([1 | 2])}),  %% expect: {1,2}
    show("\x{263a}\n\"" ++ [0]).  %% expect: [9786,10,34,0]

show(Term) -> io:format("~0tp~n", [Term]).
