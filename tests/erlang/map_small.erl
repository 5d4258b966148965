%% Maps as records: construction, update, matching, and the errors.
-module(map_small).
-export([main/0]).

main() ->
    Map = #{a => 1, "b" => 2, {c} => 3, 1 => int, 1.0 => float},
    show(Map),  %% expect: #{1 => int,1.0 => float,a => 1,{c} => 3,"b" => 2}
    show(maps:size(Map)),  %% expect: 5
    show({maps:get(1, Map), maps:get(1.0, Map)}),  %% expect: {int,float}
    show(Map#{a := 10, new => 0}),  %% expect: #{1 => int,1.0 => float,a => 10,new => 0,{c} => 3,"b" => 2}
    show(caught(fun() -> Map#{missing := 1} end)),  %% expect: {error,{badkey,missing}}
    show(caught(fun() -> maps:get(missing, Map) end)),  %% expect: {error,{badkey,missing}}
    show(caught(fun() -> (id(not_a_map))#{a => 1} end)),  %% expect: {error,{badmap,not_a_map}}
    show(caught(fun() -> maps:put(a, b, [list]) end)),  %% expect: {error,{badmap,[list]}}
    #{a := A, "b" := B} = Map,
    show({A, B}),  %% expect: {1,2}
    show(case Map of #{missing := _} -> found; #{} -> other end),  %% expect: other
    show(maps:fold(fun(K, V, Acc) -> [{K, V} | Acc] end, [], #{x => 1, y => 2})),  %% expect: [{y,2},{x,1}]
    show(maps:merge(#{a => 1, b => 2}, #{b => 3, c => 4})),  %% expect: #{a => 1,b => 3,c => 4}
    show(maps:remove(a, #{a => 1, b => 2})),  %% expect: #{b => 2}
    show(maps:take(a, #{a => 1, b => 2})),  %% expect: {1,#{b => 2}}
    show({#{a => 1} =:= #{a => 1.0}, #{a => 1} == #{a => 1.0}}),  %% expect: {false,true}
    show(#{a => 1, b => 2} < #{a => 1, c => 0}),  %% expect: true
    show(maps:from_list([{k, 1}, {k, 2}])),  %% expect: #{k => 2}
    show(maps:from_keys([a, b, a], 0)),  %% expect: #{a => 0,b => 0}
    Key = {tuple, [Map]},
    show(maps:is_key({tuple, [Map]}, #{Key => 1})),  %% expect: true
    show(is_map_key(a, Map)).  %% expect: true

id(X) -> X.

show(Term) -> io:format("~0tp~n", [Term]).

caught(Fun) ->
    try Fun() of
        Value -> {value, Value}
    catch
        Class:Reason -> {Class, Reason}
    end.
