%% Atoms: conversion, limits, quoting, existence.
-module(atoms).
-export([main/0]).

main() ->
    show([list_to_atom("plain"), list_to_atom("With Space"), list_to_atom(""), 'don\'t', 'new\nline']),  %% expect: [plain,'With Space','','don\'t','new\nline']
    show([atom_to_list(T) || T <- [a, 'B c', 'é']]),  %% expect: ["a","B c","é"]
    show({atom_to_binary('é', utf8), atom_to_binary('é', latin1), binary_to_atom(<<"x">>)}),  %% expect: {<<"é"/utf8>>,<<"é">>,x}
    show(caught(fun() -> list_to_existing_atom("surely_no_atom_named_like_" ++ "this") end)),  %% expect: {error,badarg}
    show(list_to_existing_atom("lists")),  %% expect: lists
    show(length(atom_to_list(list_to_atom(lists:duplicate(255, $x))))),  %% expect: 255
    show(caught(fun() -> list_to_atom(lists:duplicate(256, $x)) end)),  %% expect: {error,system_limit}
    show(caught(fun() -> binary_to_atom(<<255>>, utf8) end)),  %% expect: {error,badarg}
    show({is_atom(true), is_boolean(a), true and not false, a == 'a'}),  %% expect: {true,false,true,true}
    show(lists:sort([b, a, aa, 'A', 'Å', '1'])),  %% expect: ['1','A',a,aa,b,'Å']
    show([undefined, ok, nonode@nohost, 'a@b', 'a-b', '1a', a1, aB, '_x', 'end', 'receive', '[]', '{}']),  %% expect: [undefined,ok,nonode@nohost,a@b,'a-b','1a',a1,aB,'_x','end','receive','[]','{}']
    show(erlang:system_info(atom_count) > 1000).  %% expect: true

show(Term) -> io:format("~0tp~n", [Term]).

caught(Fun) ->
    try Fun() of
        Value -> {value, Value}
    catch
        Class:Reason -> {Class, Reason}
    end.
