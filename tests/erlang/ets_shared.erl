%% Tables that others delete, rename or change while they are in use; continuations; what tables tell of themselves.
-module(ets_shared).
-export([main/0]).

main() ->
    show(inserted_until_deleted()),  %% expect: ok
    show(counted_together()),  %% expect: 4000
    show(continued()),  %% expect: {[1,2,3,4,5],[5,4,3,2,1],5}
    show(repaired()),  %% expect: {badarg,[2,3]}
    show(renamed()),  %% expect: {3,badarg,badarg}
    show(keys_kept()),  %% expect: {3,3,3,badarg,badarg,badarg}
    show(defaults()),  %% expect: {badarg,badarg,3,[{k,3}]}
    show(kept()),  %% expect: {10,0}
    show(heirs()),  %% expect: {none,true}
    show(ends()),  %% expect: [badarg,badarg,badarg,badarg]
    show(left_behind()),  %% expect: {undefined,undefined}
    show(order_of_binaries()).  %% expect: true

%% Who inserts until the table is gone comes to an end.
inserted_until_deleted() ->
    [inserted_until_deleted(New) || New <- [insert, insert_new], _ <- lists:seq(1, 20)],
    ok.

inserted_until_deleted(Function) ->
    Table = ets:new(t, [public]),
    Insert = fun Insert(N) ->
        Objects = [{N * 100 + I, I} || I <- lists:seq(1, 100)],
        try ets:Function(Table, Objects) of true -> Insert(N + 1) catch error:badarg -> ok end
    end,
    Inserters = [spawn_monitor(fun() -> Insert(N * 1000000) end) || N <- lists:seq(1, 4)],
    receive after 2 -> ok end,
    ets:delete(Table),
    [receive {'DOWN', Monitor, process, Pid, normal} -> ok end || {Pid, Monitor} <- Inserters].

%% No replacement of those made at the same time is lost.
counted_together() ->
    Table = ets:new(t, [public, {write_concurrency, true}]),
    ets:insert(Table, {counter, 0}),
    Spec = [{{counter, '$1'}, [], [{{counter, {'+', '$1', 1}}}]}],
    Counters = [spawn_monitor(fun() -> [1 = ets:select_replace(Table, Spec) || _ <- lists:seq(1, 1000)] end)
                || _ <- lists:seq(1, 4)],
    [receive {'DOWN', Monitor, process, Pid, normal} -> ok end || {Pid, Monitor} <- Counters],
    ets:lookup_element(Table, counter, 2).

all({Results, Continuation}) -> Results ++ all(ets:select(Continuation));
all('$end_of_table') -> [].

continued() ->
    [Ordered, Bag] = [ets:new(t, [Type]) || Type <- [ordered_set, duplicate_bag]],
    [ets:insert(Table, [{N, x} || N <- lists:seq(1, 5)]) || Table <- [Ordered, Bag]],
    Spec = [{{'$1', x}, [], ['$1']}],
    {all(ets:select(Ordered, Spec, 2)), all(ets:select_reverse(Ordered, Spec, 2)), length(all(ets:select(Bag, Spec, 2)))}.

%% A continuation that went through the external format has lost its specification.
repaired() ->
    Table = ets:new(t, [ordered_set]),
    ets:insert(Table, [{N, x} || N <- lists:seq(1, 3)]),
    Spec = [{{'$1', x}, [], ['$1']}],
    {[1], Continuation} = ets:select(Table, Spec, 1),
    Broken = setelement(5, Continuation, <<>>),
    {try ets:select(Broken) catch error:Reason -> Reason end,
     all(ets:select(ets:repair_continuation(Broken, Spec)))}.

renamed() ->
    New = fun() -> ets:new(named, [named_table]), ets:insert(named, [{N, x} || N <- lists:seq(1, 3)]) end,
    Spec = [{{'$1', x}, [], ['$1']}],
    New(),
    {[A, B], First} = ets:select(named, Spec, 2),
    other = ets:rename(named, other),
    {[C], '$end_of_table'} = ets:select(First),
    6 = A + B + C,
    ets:delete(other),
    New(),
    {[_, _], Second} = ets:select(named, Spec, 2),
    ets:delete(named),
    Gone = try ets:select(Second) catch error:Reason -> Reason end,
    New(),
    {3, Gone, try ets:select(Second) catch error:Again -> Again end}.

%% That a replacement has the key of what it replaces is seen from the specification.
keys_kept() ->
    Table = ets:new(t, []),
    ets:insert(Table, [{{N, a}, N} || N <- lists:seq(1, 3)]),
    Replace = fun(Head, Result) ->
        try ets:select_replace(Table, [{Head, [], [Result]}]) catch error:Reason -> Reason end
    end,
    {Replace({{'$1', '$2'}, '$3'}, {{{{'$1', '$2'}}, {'+', '$3', 1}}}),
     Replace({'$1', '_'}, '$_'),
     Replace({'_', '$2'}, {{{element, 1, '$_'}, '$2'}}),
     Replace({{'$1', '$2'}, '$3'}, {{{{{'+', '$1', 0}, '$2'}}, '$3'}}),
     Replace({'$1', '$2'}, {const, {'$1', b}}),
     Replace({'$1', '$2'}, {{'$2', '$1'}})}.

%% A default is entered only together with its change.
defaults() ->
    Table = ets:new(t, []),
    Update = fun(Change, Default) ->
        try ets:update_counter(Table, k, Change, Default) catch error:Reason -> Reason end
    end,
    {Update(1, {k, none}), Update({3, 1}, {k, 1}), Update(2, {other, 1}), ets:tab2list(Table)}.

%% A fixed table tells how many objects it keeps that are gone.
kept() ->
    Table = ets:new(t, []),
    ets:insert(Table, [{N} || N <- lists:seq(1, 20)]),
    ets:safe_fixtable(Table, true),
    [ets:delete(Table, N) || N <- lists:seq(1, 10)],
    Fixed = element(7, ets:info(Table, stats)),
    ets:safe_fixtable(Table, false),
    {Fixed, element(7, ets:info(Table, stats))}.

heirs() ->
    {Dead, Monitor} = spawn_monitor(fun() -> ok end),
    receive {'DOWN', Monitor, _, _, _} -> ok end,
    {ets:info(ets:new(t, [{heir, Dead, x}]), heir), ets:info(ets:new(t, [{heir, self(), x}]), heir) =:= self()}.

ends() ->
    Tables = [ets:new(t, [Type]) || Type <- [set, ordered_set]],
    [ets:insert(Table, {1}) || Table <- Tables],
    [try ets:Step(Table, '$end_of_table') catch error:Reason -> Reason end || Table <- Tables, Step <- [next, prev]].

%% Large tables of a process that ends are gone when others hear of it.
left_behind() ->
    Parent = self(),
    {Pid, Monitor} = spawn_monitor(fun() ->
        Tables = [ets:new(t, [Type]) || Type <- [set, ordered_set]],
        [ets:insert(Table, [{N} || N <- lists:seq(1, 50000)]) || Table <- Tables],
        Parent ! Tables
    end),
    [A, B] = receive Tables -> Tables end,
    receive {'DOWN', Monitor, process, Pid, normal} -> ok end,
    {ets:info(A), ets:info(B)}.

%% Collections leave the order of what process_info lists.
order_of_binaries() ->
    Binaries = [list_to_binary(lists:duplicate(Size, 0)) || Size <- [100, 200, 300]],
    garbage_collect(),
    Listed = process_info(self(), binary),
    garbage_collect(),
    Again = process_info(self(), binary),
    [100, 200, 300] = [byte_size(Binary) || Binary <- Binaries],
    Listed =:= Again.

show(Term) -> io:format("~0p~n", [Term]).
