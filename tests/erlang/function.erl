%% Funs: closures, external funs, names, equality, printing, information.
-module(function).
-export([main/0, add/2]).

main() ->
    X = 10,
    Add = fun(Y) -> X + Y end,
    show(Add(5)),  %% expect: 15
    show((fun Loop(0) -> []; Loop(N) -> [N | Loop(N - 1)] end)(3)),  %% expect: [3,2,1]
    show((fun ?MODULE:add/2)(1, 2)),  %% expect: 3
    show((fun lists:reverse/1)([1, 2])),  %% expect: [2,1]
    Module = lists,
    Name = reverse,
    show((fun Module:Name/1)("ab")),  %% expect: "ba"
    show(fun lists:map/2),  %% expect: fun lists:map/2
    show(fun lists:map/2 =:= fun lists:map/2),  %% expect: true
    show([fun_info(Add, K) || K <- [module, arity, type, env]]),  %% expect: [{module,function},{arity,1},{type,local},{env,[]}]
    show([fun_info(fun lists:map/2, K) || K <- [module, name, arity, type, env]]),  %% expect: [{module,lists},{name,map},{arity,2},{type,external},{env,[]}]
    show({is_function(Add), is_function(Add, 1), is_function(Add, 2)}),  %% expect: {true,true,false}
    show({erlang:is_builtin(lists, reverse, 2), erlang:is_builtin(lists, map, 2)}),  %% expect: {true,false}
    Same = fun() -> same end,
    show([F =:= Same || F <- [Same]]),  %% expect: [true]
    show(apply(Add, [1])),  %% expect: 11
    show(apply(?MODULE, add, [3, 4])),  %% expect: 7
    show(erlang:function_exported(?MODULE, add, 2)),  %% expect: true
    Compose = fun(F, G) -> fun(V) -> F(G(V)) end end,
    show((Compose(fun(V) -> V * 2 end, fun(V) -> V + 1 end))(5)),  %% expect: 12
    show(lists:map(fun(F) -> F(2) end, [fun(V) -> V * K end || K <- [1, 2, 3]])),  %% expect: [2,4,6]
    Copy = binary_to_term(term_to_binary(Add)),
    show({Copy =:= Add, Copy(1)}),  %% expect: {true,11}
    Pid = self(),
    spawn(fun() -> Pid ! {result, Add(32)} end),
    show(receive {result, R} -> R end).  %% expect: 42

add(A, B) -> A + B.

fun_info(Fun, Key) -> erlang:fun_info(Fun, Key).

show(Term) -> io:format("~0tp~n", [Term]).
