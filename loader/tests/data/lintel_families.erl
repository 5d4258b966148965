%% Programs for the test `run`: each function exercises a family of instructions. What `main/0` returns on the stock
%% VM must be what it returns here.
-module(lintel_families).
-export([start/0, print/0, main/0, id/1, raising/1, loop/2, traced/1]).
-record(r, {a, b = 2, c}).

%% Here.
start() -> lintel_check:result(main()).
%% On the stock VM.
print() -> [io:put_chars([text(Result), $\n]) || Result <- main()], halt().

%% As the test writes terms.
text(X) when is_integer(X) -> integer_to_list(X);
text(X) when is_float(X) -> <<B:64>> = <<X:64/float>>, ["float(", integer_to_list(B), ")"];
text(X) when is_atom(X) -> ["'", atom_to_list(X), "'"];
text([]) -> "[]";
text([H | T]) -> ["[", text(H), list(T)];
text(X) when is_tuple(X) -> ["{", lists:join(",", [text(E) || E <- tuple_to_list(X)]), "}"];
text(X) when is_bitstring(X) ->
    P = (8 - bit_size(X) rem 8) rem 8, B = <<X/bits, 0:P>>,
    ["bits(", integer_to_list(bit_size(X)), ",[", lists:join(", ", [integer_to_list(Y) || <<Y>> <= B]), "])"];
text(X) when is_map(X) -> ["map(", integer_to_list(map_size(X)), ")"];
text(X) when is_pid(X) -> "pid";
text(X) when is_function(X) -> "fun".
list([]) -> "]";
list([H | T]) -> [",", text(H), list(T)];
list(T) -> ["|", text(T), "]"].

main() ->
    [{Name, catch F()} || {Name, F} <- [
        {arithmetic, fun arithmetic/0}, {comparisons, fun comparisons/0}, {selects, fun selects/0},
        {lists, fun lists/0}, {tuples, fun tuples/0}, {records, fun records/0}, {maps, fun maps/0}, {funs, fun funs/0},
        {applies, fun applies/0}, {exceptions, fun exceptions/0}, {traces, fun traces/0}, {floats, fun floats/0},
        {matching, fun matching/0}, {building, fun building/0}, {guards, fun guards/0}, {receives, fun receives/0},
        {frames, fun frames/0}, {stdlib, fun stdlib/0}]].

id(X) -> X.

arithmetic() ->
    Values = [0, 1, -1, 7, -7, 1 bsl 28, -(1 bsl 28), 1 bsl 59, 1 bsl 60, -(1 bsl 60) - 1, 1 bsl 64, 12345678901234567890123],
    [[catch X + 1, catch X - 1, catch X * 3, catch X div 3, catch X rem 3, catch X band 255, catch X bor 6, catch X bxor 5,
      catch X bsl 3, catch X bsr 2, catch -X, catch bnot X, catch 10 - X, catch 100 div (X + 1000)] || X <- Values]
        ++ [[{X + Y, X - Y, X * Y, X band Y, X bor Y, X bxor Y} || Y <- Values] || X <- Values]
        ++ [[id(1) bsl X, id(-5) bsr X, id(1 bsl 70) bsr X] || X <- [0, 1, 59, 60, 61, 63, 64, 65]]
        ++ [abs(id(-3)), abs(id(-(1 bsl 70))), +id(4), id(7) div id(-2), id(-7) rem id(2)].

comparisons() ->
    Values = [0, 1, 1.0, -1, 1 bsl 70, 2.5, a, b, {}, {1}, {a, b}, [], [1], [a | b], <<>>, <<"x">>, <<1:3>>, #{}, #{a => 1}],
    [[{X < Y, X =< Y, X == Y, X =:= Y, X /= Y, X =/= Y, X > Y, X >= Y, less(X, Y), same(X, Y)} || Y <- Values] || X <- Values]
        ++ [[less_5(X), more_5(X), X == 1, X =:= 1, X =:= 1.0, X == [], X =:= a] || X <- Values].

less(X, Y) when X < Y -> yes;
less(_, _) -> no.
same(X, X) -> yes;
same(_, _) -> no.
less_5(X) when X < 5 -> yes;
less_5(_) -> no.
more_5(X) when X > 5 -> yes;
more_5(_) -> no.

selects() ->
    Values = [0, 1, 2, 3, 4, 5, 9, 10, -1, 100, 1000, a, b, c, d, e, f, [], 1.5, 1 bsl 70, {}, {1}, {1, 2}, {1, 2, 3}, "x"],
    [{dense(X), sparse(X), atoms(X), mixed(X), few(X), long(X), arity(X), bool(X)} || X <- Values].

dense(X) -> case X of 0 -> z; 1 -> o; 2 -> t; 3 -> th; 4 -> f; 5 -> fi; 9 -> n; _ -> other end.
sparse(X) -> case X of 0 -> a; 100 -> b; 1000 -> c; -1 -> d; 9 -> e; _ -> other end.
atoms(X) -> case X of a -> 1; b -> 2; c -> 3; d -> 4; e -> 5; _ -> 0 end.
mixed(X) -> case X of a -> 1; 1 -> 2; b -> 3; 2 -> 4; [] -> 5; {} -> 6; _ -> 0 end.
few(X) -> case X of a -> 1; b -> 2; _ -> 0 end.
long(X) -> case X of 1.5 -> f; 1180591620717411303424 -> l; 1 -> s; _ -> other end.
arity(X) -> case X of {} -> 0; {A} -> {A}; {A, B} -> {B, A}; {A, B, C} -> {C, B, A}; _ -> none end.
bool(X) -> case X =:= a of true -> yes; false -> no end.

lists() ->
    L = id([1, 2, 3]),
    [H | T] = L,
    [{H, T}, [x | L], [L | x], [H, H | T], hd(L), tl(L), length(L), L ++ [4], L -- [2], [X * 2 || X <- L, X > 1],
     rev(L, []), nth(2, L), [z || _ <- L], last(L), [A || [A | _] <- [L, [], [y]]], catch hd(id([])), catch length(id([1 | 2]))].

rev([H | T], Acc) -> rev(T, [H | Acc]);
rev([], Acc) -> Acc.
nth(1, [H | _]) -> H;
nth(N, [_ | T]) -> nth(N - 1, T).
last([X]) -> X;
last([_ | T]) -> last(T).

tuples() ->
    T = id({a, 2, "three"}),
    {A, B, C} = T,
    [{C, B, A}, {x, A}, {x, A, B}, {A, B, C, A, B, C}, element(2, T), setelement(2, T, two), tuple_size(T),
     catch element(4, T), catch element(id(0), T), catch setelement(9, T, x), {}, {{}}, tuple_to_list(T), is_tuple(T)].

records() ->
    R = #r{a = id(1), c = [x]},
    [R, R#r.b, R#r{b = 7, c = id(z)}, is_record(R, r), is_record(id({r, 1}), r), catch (id({q, 1, 2, 3}))#r.a,
     (R#r{a = id(5)})#r.a, case R of #r{a = 1, b = B} -> B; _ -> no end].

maps() ->
    M = id(#{a => 1, "k" => 2, 3 => x}),
    Big = build(40, #{}),
    #{a := A, 3 := X} = M,
    [A, X, M#{a := 5}, M#{b => 6, a => 7}, catch M#{zz := 1}, catch (id(x))#{a => 1}, map_size(M), map_size(Big), maps:get(20, Big),
     case M of #{nokey := _} -> yes; #{"k" := K} -> {no, K} end, is_map_key(a, M), is_map_key(b, M), map_get(a, M),
     catch map_get(q, M), Big#{41 => y} =:= build(41, #{}), key(a, M), key(zz, M), #{id(k) => id(v)}].

key(K, M) -> case M of #{K := V} -> V; _ -> none end.
build(0, M) -> M;
build(41, M) -> (build(40, M))#{41 => y};
build(N, M) -> build(N - 1, M#{N => N * N}).

funs() ->
    A = id(10),
    Add = fun(X) -> X + A end,
    Fac = fun F(0) -> 1; F(N) -> N * F(N - 1) end,
    Local = fun id/1, Remote = fun lintel_families:id/1,
    [Add(5), Fac(25), Local(x), Remote(y), [F(3) || F <- [Add, Local, Remote, Fac]], (id(fun() -> zero end))(),
     is_function(Add), is_function(Add, 1), is_function(Add, 2), is_function(Remote, id(1)), is_function(x),
     catch (id(Add))(1, 2), catch (id(notafun))(1), compose([Add, Add, Local], 1), tail(fun(X) -> {t, X} end, 9),
     tail_env(Add, 100000, 0)].

compose([F | Fs], X) -> compose(Fs, F(X));
compose([], X) -> X.
tail(F, X) -> Y = id(X), F(Y).
%% Would need a gigabyte of stack if the call of the fun were no last call.
tail_env(_, 0, Acc) -> Acc;
tail_env(F, N, Acc) -> (id(fun(M) -> tail_env(F, M, Acc + 1) end))(N - 1).

applies() ->
    M = id(lintel_families), F = id(id),
    [M:F(1), apply(M, F, [2]), apply(fun id/1, [3]), apply(M, id(loop), [3, []]), catch M:nope(1), catch apply(M, F, x),
     catch (id("m")):F(1), [M:F(X) || X <- [1, 2]]].

loop(0, Acc) -> Acc;
loop(N, Acc) -> lintel_families:loop(N - 1, [N | Acc]).

exceptions() ->
    [try raising(X) of V -> {value, V} catch C:R -> {C, R} end || X <- lists:seq(0, 12)]
        ++ [catch raising(X) || X <- [1, 3]]
        ++ [after_(X) || X <- [0, 2]]
        ++ [nested(X) || X <- [0, 1, 2, 3]]
        ++ [(catch raising(2))].

raising(0) -> fine;
raising(1) -> throw(ball);
raising(2) -> exit(gone);
raising(3) -> {a, _} = id({b, 1}), ok;
raising(4) -> case id(x) of y -> ok end;
raising(5) -> if hd([1]) =:= 2 -> ok end;
raising(6) -> id(1) + id(a);
raising(7) -> try id(z) of y -> ok catch _:_ -> never end;
raising(8) -> local(9);
raising(9) -> erlang:error({my, error});
raising(10) -> X = id(notarecord), X#r.a;
raising(11) -> [_, _] = id([1]);
raising(12) -> true = id(false).

local(X) when is_atom(X) -> X.

after_(X) ->
    try
        try raising(X) after put_trace(done) end
    catch
        _:R -> {caught, R}
    end.
put_trace(X) -> id(X).

nested(X) ->
    try
        try raising(X) catch throw:T -> {t, T}; error:{badmatch, V} -> throw({again, V}) end
    catch
        throw:Q -> {outer, Q};
        Class:Reason:Stack -> {Class, Reason, is_list(Stack)}
    end.

traces() -> [trace(X) || X <- lists:seq(1, 12)] ++ [again(3)].

trace(X) -> try traced(X) catch C:R:S -> {C, R, mine(S)} end.
traced(X) -> {ok, raising(X)}.
again(X) -> try try raising(X) catch C:R:S -> erlang:raise(C, {again, R}, S) end catch C1:R1:S1 -> {C1, R1, mine(S1)} end.
%% The stock VM's own frames below ours are of no interest.
mine(S) -> [{F, A, [E || {K, _} = E <- L, K =:= line]} || {M, F, A, L} <- S, M =:= ?MODULE, F =/= main, F =/= '-main/0-lc$^0/1-0-'].

floats() ->
    X = id(1.5), Y = id(2),
    [X + Y, X - 1, X * 2.0, X / Y, Y / 4, -X, X * X + Y * 1.0 - 0.5, catch X / id(0), catch id(a) * 1.5, trunc(X), round(X),
     float(Y), X < Y, X == 1.5, mandel(id(0.1), id(0.2), 0.0, 0.0, 0), catch id(1.0e308) * id(1.0e308)].

mandel(Cx, Cy, X, Y, N) when N < 50, X * X + Y * Y < 4.0 -> mandel(Cx, Cy, X * X - Y * Y + Cx, 2.0 * X * Y + Cy, N + 1);
mandel(_, _, X, Y, N) -> {X, Y, N}.

matching() ->
    Binaries = [<<>>, <<1>>, <<1, 2, 3>>, <<"GET /x">>, <<1:3>>, <<255, 128, 7, 9>>, <<"åäö"/utf8>>, <<16#f0, 16#9f, 16#98, 16#80>>,
                <<0:64, 1:1>>, <<3, "abc", "rest">>],
    [[header(B), fields(B), sized(B), tail(B), utf(B), words(B), floats_of(B), bits(B, []), string_of(B)] || B <- Binaries].

header(<<"GET ", R/binary>>) -> {get, R};
header(<<1, R/bits>>) -> {one, R};
header(_) -> none.
fields(<<A:3, B:5/signed, C:16/little, _/bits>>) -> {A, B, C};
fields(<<A:3>>) -> A;
fields(_) -> none.
sized(<<N, B:N/binary, R/binary>>) -> {N, B, R};
sized(<<N:4, R/bits>>) -> {N, bit_size(R)};
sized(_) -> none.
tail(<<_:8, T/bits>>) -> T;
tail(B) -> {short, B}.
utf(<<C/utf8, R/binary>>) -> [C | utf(R)];
utf(R) -> R.
words(<<W:32/signed-little, R/bits>>) -> {W, R};
words(<<W:64, X:1>>) -> {W, X};
words(_) -> none.
floats_of(<<F:64/float, _/bits>>) -> F;
floats_of(<<F:32/float>>) -> F;
floats_of(_) -> none.
bits(<<B:1, R/bits>>, Acc) -> bits(R, [B | Acc]);
bits(<<>>, Acc) -> Acc.
string_of(<<3, "abc", R/bits>>) -> {abc, R};
string_of(_) -> none.

building() ->
    A = id(5), B = id(<<"bin">>), F = id(1.5), S = id(3),
    [<<A>>, <<A:3>>, <<A:16/little, B/binary>>, <<B/binary, A:4, B/bits>>, <<F/float>>, <<F:32/float>>, <<"lit", A, "eral">>,
     <<(id(16#20ac))/utf8, (id(16#1f600))/utf16, (id(97))/utf32-little>>, <<A:S>>, <<B:S/binary, -1:S/unit:8>>, << <<X:4>> || X <- [1, 2, 3] >>,
     << <<X>> || <<X:4>> <= B >>, acc(10, <<>>), catch <<(id(a))>>, catch <<B:9/binary>>, catch <<(id(-1))/utf8>>, <<(id(1 bsl 70)):80>>,
     [X || <<X:2>> <= <<27>>], catch <<A:(id(-1))>>].

acc(0, Acc) -> Acc;
acc(N, Acc) -> acc(N - 1, <<Acc/bits, N:12>>).

guards() ->
    Values = [0, 1.5, a, true, {}, {a, 1}, [], [1], <<>>, <<1:1>>, fun id/1, #{}, self(), make()],
    [guard(X) || X <- Values] ++ [{is_list(X), is_atom(X), is_binary(X), is_bitstring(X), is_boolean(X), is_number(X), is_pid(X)} || X <- Values].

make() -> 1 bsl 65.
guard(X) when is_integer(X), X + 1 > 0 -> int;
guard(X) when is_float(X) -> float;
guard(X) when X -> true;
guard(X) when is_atom(X) -> atom;
guard(X) when tuple_size(X) =:= 2, element(1, X) =:= a -> pair;
guard(X) when is_tuple(X) -> tuple;
guard(X) when length(X) > 0 -> list;
guard(X) when X =:= [] -> nil;
guard(X) when byte_size(X) =:= 0 -> empty;
guard(X) when bit_size(X) > 0 -> bits;
guard(X) when is_function(X, 1) -> function;
guard(X) when map_size(X) =:= 0 -> map;
guard(X) when is_pid(X) -> pid;
guard(_) -> other.

receives() ->
    Me = self(),
    Me ! {one, 1}, Me ! {two, 2}, Me ! three,
    A = receive {two, X} -> X after 1000 -> timeout end,
    B = receive {one, Y} -> Y end,
    C = receive nothing -> x after 0 -> none end,
    D = receive Z -> Z after infinity -> never end,
    E = receive _ -> x after 10 -> later end,
    [A, B, C, D, E, catch receive after id(bad) -> ok end].

frames() -> [many(1, 2, 3, 4, 5, 6, 7, 8, 9, 10), deep(10000), wide(id(3))].

many(A, B, C, D, E, F, G, H, I, J) ->
    K = id(A), L = id(B), M = id(C + K), N = id(D), O = id(E + L), P = id(F), Q = id(G), R = id(H), S = id(I), T = id(J),
    {A, B, C, D, E, F, G, H, I, J, K, L, M, N, O, P, Q, R, S, T}.
deep(0) -> 0;
deep(N) -> 1 + deep(N - 1).
wide(X) -> case id(X) of 1 -> id(a); 2 -> Y = id(b), {Y, id(Y)}; Z -> W = id(Z), V = id(W), {W, V, id(V)} end.

stdlib() ->
    L = [(X * 7919) rem 1009 || X <- lists:seq(1, 200)],
    D = lists:foldl(fun(X, Acc) -> gb_trees:enter(X, X * X, Acc) end, gb_trees:empty(), L),
    [lists:sort(L), lists:usort(fun(A, B) -> A >= B end, L), lists:keysort(2, [{X, -X} || X <- lists:sublist(L, 9)]),
     lists:zip([1, 2], [a, b]), lists:flatten([1, [2, [3]], []]), lists:partition(fun(X) -> X > 500 end, lists:sublist(L, 20)),
     gb_trees:to_list(D), orddict:from_list([{b, 1}, {a, 2}]), ordsets:union([1, 3], [2, 3]), proplists:get_value(k, [{k, v}]),
     queue:to_list(queue:in(3, queue:in(2, queue:new()))), lists:nthtail(195, L), lists:mapfoldl(fun(X, A) -> {X + A, A + 1} end, 0, [5, 6])].
