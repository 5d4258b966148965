%% Building bit strings: truncation, signs, floats, appending, and the errors.
-module(bit_build).
-export([main/0]).

main() ->
    show(<<1:1, 0:1, 3:2>>),  %% expect: <<11:4>>
    show(<<-1:12, 5:4/little>>),  %% expect: <<"ÿõ">>
    show(<<16#12345:16>>),  %% expect: <<"#E">>
    show(<<16#123456789abcdef:57/little>>),  %% expect: <<239,205,171,137,103,69,35,1:1>>
    show(<<3.14:32/float, 1:16/float>>),  %% expect: <<64,72,245,195,60,0>>
    show(<<(1 bsl 100):104/little>>),  %% expect: <<0,0,0,0,0,0,0,0,0,0,0,0,16>>
    show(<<"text"/utf16, "é€"/utf8>>),  %% expect: <<0,116,0,101,0,120,0,116,195,169,226,130,172>>
    show(<< <<X:4>> || X <- lists:seq(0, 16) >>),  %% expect: <<1,35,69,103,137,171,205,239,0:4>>
    show(<< <<B, A>> || <<A, B>> <= <<"badcfe">> >>),  %% expect: <<"abcdef">>
    show(<< <<X>> || <<X:1>> <= <<2#10110:5>>, X =:= 1 >>),  %% expect: <<1,1,1>>
    Bits = <<5:3>>,
    show(<<Bits/bits, Bits:2/bits, 1:1>>),  %% expect: <<45:6>>
    show(caught(fun() -> <<(id(atom)):8>> end)),  %% expect: {error,badarg}
    show(caught(fun() -> <<1:(id(-1))>> end)),  %% expect: {error,badarg}
    show(caught(fun() -> <<(id(<<1:1>>))/binary>> end)),  %% expect: {error,badarg}
    show(caught(fun() -> <<(id(16#d800))/utf8>> end)),  %% expect: {error,badarg}
    show(caught(fun() -> <<(id(1.0e300)):32/float>> end)),  %% expect: {value,<<127,128,0,0>>}
    First = append(<<>>, 300),
    Second = <<First/binary, "one">>,
    Third = <<First/binary, "two">>,
    show({byte_size(First), binary:part(Second, 300, 3), binary:part(Third, 300, 3)}),  %% expect: {300,<<"one">>,<<"two">>}
    show(<<0:0, (id(<<>>))/binary>>).  %% expect: <<>>

append(Bin, 0) -> Bin;
append(Bin, N) -> append(<<Bin/binary, N>>, N - 1).

id(X) -> X.

show(Term) -> io:format("~0tp~n", [Term]).

caught(Fun) ->
    try Fun() of
        Value -> {value, Value}
    catch
        Class:Reason -> {Class, Reason}
    end.
