%% Where the interpreter takes a short way and where it just cannot: maps of constant keys, updates that change
%% nothing, floats beside integers, pairs taken apart, moves between registers and slots.
-module(short_ways).
-export([main/0]).

main() ->
    One = id(1),
    erlang:display(#{b => One, a => x, 2.0 => f, 2 => i, "k" => One}),
    %% expect: #{2=>i,2.000000e+00=>f,a=>x,b=>1,"k"=>1}
    erlang:display(#{type => tick, value => One, list => [One]}),
    %% expect: #{list=>[1],type=>tick,value=>1}
    Map = #{a => One, b => {two}},
    erlang:display({Map#{a := 1}, Map#{b := 3, a => 4}, Map#{c => 5}, reason(fun() -> Map#{c := 1} end)}),
    %% expect: {#{a=>1,b=>{two}},#{a=>4,b=>3},#{a=>1,b=>{two},c=>5},{badkey,c}}
    erlang:display({maps:remove(a, Map), maps:remove(b, Map), maps:remove(c, Map), maps:get(b, Map)}),
    %% expect: {#{b=>{two}},#{a=>1},#{a=>1,b=>{two}},{two}}
    Float = id(1.5),
    Big = id(1 bsl 53),
    erlang:display({Float + One, One - Float, Float * Float, Float < One, One < Float, Float == id(1.5)}),
    %% expect: {2.500000e+00,-5.000000e-01,2.250000e+00,false,true,true}
    erlang:display({Big + 1 == id(9007199254740992.0), Big + 1 > id(9007199254740992.0), reason(fun() -> id(1.0e308) * id(10) end)}),
    %% expect: {false,true,badarith}
    erlang:display({pairs([{1, a}, {2, b}, c, {3, c, d}]), twice([1, 2, 3]), id({1, {2}}) =:= id({1, {2}})}),
    %% expect: {[a,b,other,other],[2,4,6],true}
    erlang:display(lists:sort([{2, a}, {1, b}, {1, a}, {1.0, b}, {1, 2, 3}, {-1, z}])),
    %% expect: [{-1,z},{1,a},{1.000000e+00,b},{1,b},{2,a},{1,2,3}]
    erlang:display(turn(3, a, b, c)).
    %% expect: {a,b,c}

id(X) -> X.

reason(Fun) ->
    try Fun() catch error:Reason -> Reason end.

pairs([{_, Second} | Rest]) -> [Second | pairs(Rest)];
pairs([_ | Rest]) -> [other | pairs(Rest)];
pairs([]) -> [].

twice([X | Xs]) -> [X * 2 | twice(Xs)];
twice([]) -> [].

turn(0, A, B, C) -> {A, B, C};
turn(N, A, B, C) ->
    ok = id(ok),
    turn(N - 1, id(B), id(C), turned(A, N)).

turned(A, _) -> A.
