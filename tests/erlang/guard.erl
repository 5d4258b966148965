%% Guards: type tests, failure inside, and/or against andalso/orelse, alternatives.
-module(guard).
-export([main/0]).

main() ->
    show([type(T) || T <- [1, 1.5, a, "s", [], {}, {1}, #{}, <<>>, <<1:1>>, self(), make_ref(), fun main/0, true, 1 bsl 80]]),  %% expect: [integer,float,atom,list,nil,empty_tuple,tuple,map,binary,bitstring,pid,reference,function,boolean,large]
    show([fails(X) || X <- [1, [1], {2}, [], #{a => 1}]]),  %% expect: [none,head,element,none,value]
    show([alternatives(X) || X <- [1, [], a, 3]]),  %% expect: [first,second,second,second]
    show([range(X) || X <- [-1, 0, 5, 10, 10.0, 11, a]]),  %% expect: [out,in,in,in,in,out,not_a_number]
    show([logic(A, B) || A <- [true, false, x], B <- [true, false]]),  %% expect: [both,one,one,none,x,x]
    show([sizes(T) || T <- [{1, 2}, <<1, 2>>, #{a => 1}, [1]]]),  %% expect: [two,two,one_key,one_long]
    show([compare(A, B) || {A, B} <- [{1, 1.0}, {1, 1}, {a, b}, {[], {}}]]),  %% expect: [equal,same,less,more]
    show([arith(X) || X <- [2, 0, a, 4.0]]),  %% expect: [five,zero,failed,bigger]
    show([keys(M) || M <- [#{a => #{b => 1}}, #{a => 1}, #{}]]),  %% expect: [nested,flat,none]
    show([record(R) || R <- [{r, 1, 2}, {r, 1}, {s, 1, 2}]]).  %% expect: [{yes,2},short,no]

type(T) when is_boolean(T) -> boolean;
type(T) when is_atom(T) -> atom;
type(T) when is_integer(T), T > 1000 -> large;
type(T) when is_integer(T) -> integer;
type(T) when is_float(T) -> float;
type([]) -> nil;
type(T) when is_list(T) -> list;
type(T) when is_tuple(T), tuple_size(T) =:= 0 -> empty_tuple;
type(T) when is_tuple(T) -> tuple;
type(T) when is_map(T) -> map;
type(T) when is_binary(T) -> binary;
type(T) when is_bitstring(T) -> bitstring;
type(T) when is_pid(T) -> pid;
type(T) when is_reference(T) -> reference;
type(T) when is_function(T, 0) -> function.

fails(X) when hd(X) =:= 1 -> head;
fails(X) when element(1, X) =:= 2 -> element;
fails(X) when map_get(a, X) =:= 1 -> value;
fails(_) -> none.

alternatives(X) when hd(X); X =:= 1 -> first;
alternatives(X) when is_atom(X); X > 2 -> second;
alternatives(_) -> third.

range(X) when X >= 0, X =< 10 -> in;
range(X) when is_number(X) -> out;
range(_) -> not_a_number.

logic(A, B) when A and B -> both;
logic(A, B) when A or B -> one;
logic(A, B) when A andalso B; not A -> none;
logic(A, B) when A =:= x orelse B -> x;
logic(_, _) -> neither.

sizes(T) when size(T) =:= 2 -> two;
sizes(T) when map_size(T) =:= 1 -> one_key;
sizes(T) when length(T) =:= 1 -> one_long;
sizes(_) -> other.

compare(A, B) when A =:= B -> same;
compare(A, B) when A == B -> equal;
compare(A, B) when A < B -> less;
compare(_, _) -> more.

arith(X) when 10 div X =:= 5 -> five;
arith(X) when X / 2 > 1 -> bigger;
arith(X) when abs(X) + 1 =:= 1 -> zero;
arith(_) -> failed.

keys(#{a := A}) when is_map_key(b, A) -> nested;
keys(M) when is_map_key(a, M) -> flat;
keys(_) -> none.

-record(r, {x, y}).
record(R) when is_record(R, r) -> {yes, R#r.y};
record(R) when is_record(R, r, 2) -> short;
record(_) -> no.

show(Term) -> io:format("~0tp~n", [Term]).
