%% ETS: the four types, insertion, look-up, counters, traversal, ownership.
-module(ets_tables).
-export([main/0]).

%% expect: {set,[{1.0,float},{1,two},{3,three}],3,[{1,two}]}
%% expect: {ordered_set,[{1.0,float},{3,three}],2,[{1.0,float}]}
%% expect: {bag,[{1.0,float},{1,one},{1,two},{3,three}],4,[{1,two},{1,one}]}
%% expect: {duplicate_bag,[{1.0,float},{1,one},{1,one},{1,two},{3,three}],5,[{1,one},{1,one},{1,two}]}
main() ->
    [show(table(Type)) || Type <- [set, ordered_set, bag, duplicate_bag]],
    Named = ets:new(named, [named_table, public, {keypos, 2}]),
    show({Named, ets:insert(named, [{v, k1}, {w, k2}]), ets:lookup(named, k2)}),  %% expect: {named,true,[{w,k2}]}
    show(ets:update_counter(named, k3, {3, 5}, {x, k3, 10})),  %% expect: 15
    show(ets:update_element(named, k3, [{1, y}, {3, 0}])),  %% expect: true
    show({ets:insert_new(named, {z, k1}), ets:insert_new(named, {z, k4})}),  %% expect: {false,true}
    show({ets:lookup_element(named, k3, 3), ets:member(named, nope)}),  %% expect: {0,false}
    show(caught(fun() -> ets:lookup_element(named, nope, 1) end)),  %% expect: {error,badarg}
    show(caught(fun() -> ets:insert(named, {too_small}) end)),  %% expect: {error,badarg}
    show(ets:take(named, k3)),  %% expect: [{y,k3,0}]
    show(lists:sort(ets:tab2list(named))),  %% expect: [{v,k1},{w,k2},{z,k4}]
    show([ets:info(named, K) || K <- [size, type, keypos, protection, name, named_table]]),  %% expect: [3,set,2,public,named,true]
    show({ets:rename(named, other), ets:whereis(named), ets:info(other, size)}),  %% expect: {other,undefined,3}
    {Pid, Ref} = spawn_monitor(fun() -> ets:new(owned, [named_table]), exit(ets:info(owned, size)) end),
    receive {'DOWN', Ref, process, Pid, 0} -> ok end,
    show(ets:info(owned)),  %% expect: undefined
    Self = self(),
    spawn(fun() -> ets:give_away(ets:new(gift, [named_table]), Self, {from, friend}) end),
    show(receive {'ETS-TRANSFER', gift, _, Data} -> Data end),  %% expect: {from,friend}
    Private = spawn_table(),
    show(caught(fun() -> ets:lookup(Private, 1) end)),  %% expect: {error,badarg}
    show(ets:delete_all_objects(other)),  %% expect: true
    show(caught(fun() -> ets:delete(no_such) end)).  %% expect: {error,badarg}

table(Type) ->
    Table = ets:new(table, [Type]),
    ets:insert(Table, [{1, one}, {1, one}, {1, two}, {1.0, float}, {3, three}]),
    {Type, lists:sort(ets:tab2list(Table)), ets:info(Table, size), ets:lookup(Table, 1)}.

spawn_table() ->
    Self = self(),
    spawn(fun() -> Self ! {table, ets:new(t, [private])}, receive stop -> ok end end),
    receive {table, Table} -> Table end.

show(Term) -> io:format("~0tp~n", [Term]).

caught(Fun) ->
    try Fun() of
        Value -> {value, Value}
    catch
        Class:Reason -> {Class, Reason}
    end.
