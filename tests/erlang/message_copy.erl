%% Terms of every kind survive the way between processes, and later changes stay apart.
-module(message_copy).
-export([main/0]).

main() ->
    Terms = [1, 1 bsl 200, -1.5, atom, "text", <<"short">>, binary:copy(<<"long">>, 100), <<5:3>>, {}, {a, {b}}, [],
             [a | b], #{a => #{b => [1]}}, maps:from_list([{N, N} || N <- lists:seq(1, 100)]), self(), make_ref(),
             fun lists:map/2, fun(X) -> X end, lists:seq(1, 1000)],
    Echo = spawn(fun Loop() -> receive {From, T} -> From ! {self(), T}, Loop() end end),
    show([begin Echo ! {self(), T}, receive {Echo, Back} -> Back =:= T end end || T <- Terms]),  %% expect: [true,true,true,true,true,true,true,true,true,true,true,true,true,true,true,true,true,true,true]
    Echo ! {self(), Terms},
    show(receive {Echo, All} -> All =:= Terms end),  %% expect: true
    Large = binary:copy(<<0>>, 10000),
    <<Slice:100/binary, _/binary>> = Large,
    Echo ! {self(), Slice},
    show(receive {Echo, S} -> {S =:= Slice, byte_size(S)} end),  %% expect: {true,100}
    A = <<Large/binary, 1>>,
    Echo ! {self(), A},
    B = <<A/binary, 2>>,
    C = <<A/binary, 3>>,
    show(receive {Echo, A2} -> {A2 =:= A, binary:last(A2), binary:last(B), binary:last(C)} end),  %% expect: {true,1,2,3}
    Self = self(),
    Ring = lists:foldl(fun(_, Next) -> spawn(fun() -> receive {token, N} -> Next ! {token, N + 1} end end) end, Self, lists:seq(1, 1000)),
    Ring ! {token, 0},
    show(receive {token, N} -> N end),  %% expect: 1000
    [spawn(fun() -> [Self ! {I, J} || J <- lists:seq(1, 100)] end) || I <- lists:seq(1, 20)],
    All2 = [receive {_, _} = M -> M end || _ <- lists:seq(1, 2000)],
    show(lists:all(fun(I) -> [J || {K, J} <- All2, K =:= I] =:= lists:seq(1, 100) end, lists:seq(1, 20))).  %% expect: true

show(Term) -> io:format("~0tp~n", [Term]).
