%% The order of all terms, and exact against numeric equality.
-module(term_order).
-export([main/0]).

main() ->
    Ref = make_ref(),
    Terms = [<<1>>, "list", [], #{a => 1}, {1, 2}, {3}, self(), fun main/0, Ref, atom, 1.5, 1, -1, <<1:1>>, 1 bsl 70, -(1 bsl 70)],
    show([kind(T) || T <- lists:sort(Terms)]),  %% expect: [-1180591620717411303424,-1,1,1.5,1180591620717411303424,atom,reference,function,pid,{3},{1,2},#{a => 1},[],"list",binary,bits]
    show([compare(A, B) || {A, B} <- [{1, 1.0}, {[1], [1.0]}, {{1}, {1.0}}, {#{1 => 1}, #{1.0 => 1}}, {<<1:1>>, <<1>>}]]),  %% expect: [{true,false,false,false},{true,false,false,false},{true,false,false,false},{false,false,true,false},{false,false,false,true}]
    show(lists:sort([[3], [1, 2], [], [1], [1 | 2], "a"])),  %% expect: [[],[1|2],[1],[1,2],[3],"a"]
    show(lists:sort([{b}, {a, a}, {a}, {}, {1, 2, 3}])),  %% expect: [{},{a},{b},{a,a},{1,2,3}]
    show(lists:sort([#{b => 1}, #{a => 2}, #{a => 1, b => 1}, #{}, #{a => 1}])),  %% expect: [#{},#{a => 1},#{a => 2},#{b => 1},#{a => 1,b => 1}]
    show(lists:sort([#{1 => a}, #{1.0 => a}, #{a => 1}, #{0 => z}])),  %% expect: [#{0 => z},#{1 => a},#{1.0 => a},#{a => 1}]
    show(lists:sort([ab, a, b, 'B', '', 'é'])),  %% expect: ['','B',a,ab,b,é]
    show(lists:sort([<<"b">>, <<"a">>, <<"ab">>, <<>>, <<255:9>>, <<127>>])),  %% expect: [<<>>,<<"a">>,<<"ab">>,<<"b">>,<<127>>,<<127,1:1>>]
    show([9007199254740992 == 9007199254740992.0, 9007199254740993 > 9007199254740992.0, 1.0e308 < 1 bsl 1024, -1.0e308 > -(1 bsl 1024)]),  %% expect: [true,true,true,true]
    show({min(1, 1.0), max(1, 1.0), min(1.0, 1), max(1.0, 1)}),  %% expect: {1,1,1.0,1.0}
    show({a =< a, a < b, [] < {}, {} < [], [a] =:= [a | []], "ab" == [97, 98]}),  %% expect: {true,true,false,true,true,true}
    show(lists:sort([fun lists:map/2, fun lists:foldl/3, fun erlang:abs/1])),  %% expect: [fun erlang:abs/1,fun lists:foldl/3,fun lists:map/2]
    show([Ref == Ref, Ref =:= make_ref(), self() =:= self()]),  %% expect: [true,false,true]
    show(lists:max([{1, a}, {1.0, b}, {0, z}])).  %% expect: {1.0,b}

kind(T) when is_bitstring(T), not is_binary(T) -> bits;
kind(T) when is_binary(T) -> binary;
kind(T) when is_pid(T) -> pid;
kind(T) when is_reference(T) -> reference;
kind(T) when is_function(T) -> function;
kind(T) -> T.

compare(A, B) ->
    {A == B, A =:= B, A < B, A > B}.

show(Term) -> io:format("~0tp~n", [Term]).
