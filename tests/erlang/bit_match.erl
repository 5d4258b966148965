%% Matching bit strings: sizes, units, signs, byte orders, floats, and what does not match.
-module(bit_match).
-export([main/0]).

main() ->
    <<A:3, B:5/signed, C:16/little, D:16/signed-little>> = <<16#f5, 1, 2, 16#ff, 16#ff>>,
    show({A, B, C, D}),  %% expect: {7,-11,513,-1}
    <<F:64/float, G:32/float-little, H:16/float>> = <<1.5:64/float, -2.25:32/float-little, 0.5:16/float>>,
    show({F, G, H}),  %% expect: {1.5,-2.25,0.5}
    <<Len, Body:Len/binary, Rest/bits>> = <<3, "abcde", 1:1>>,
    show({Len, Body, Rest}),  %% expect: {3,<<"abc">>,<<100,101,1:1>>}
    <<Size:4, X:Size/unit:4, _/bits>> = <<2:4, 16#ab, 0:4>>,
    show({Size, X}),  %% expect: {2,171}
    show(caught(fun() -> <<_:9>> = id(<<1>>) end)),  %% expect: {error,{badmatch,<<1>>}}
    show(kind(<<"GET /">>)),  %% expect: get
    show(kind(<<1:7>>)),  %% expect: bits
    show(kind(<<0, 0, 0, 5, 1, 2, 3, 4, 5>>)),  %% expect: {frame,<<1,2,3,4,5>>}
    show(kind(<<>>)),  %% expect: empty
    show(kind(not_a_binary)),  %% expect: other
    <<Huge:200>> = <<1:1, 0:199>>,
    show(Huge =:= 1 bsl 199),  %% expect: true
    <<Odd:67/signed-little, _/bits>> = <<-5:67/signed-little, 0:5>>,
    show(Odd),  %% expect: -5
    show([I || <<I:3>> <= <<16#053977:24>>]),  %% expect: [0,1,2,3,4,5,6,7]
    show([{P, Q} || <<P:4, 1:1, Q:3>> <= <<16#1a, 16#2b, 16#30, 16#4f>>]),  %% expect: [{1,2},{2,3},{4,7}]
    show(caught(fun() -> <<_:64/float>> = id(<<16#7ff0000000000000:64>>) end)),  %% expect: {error,{badmatch,<<127,240,0,0,0,0,0,0>>}}
    Offset = <<5:3, "unaligned">>,
    <<_:3, Text/binary>> = Offset,
    show(Text),  %% expect: <<"unaligned">>
    show(tail(<<1, 2, 3, 4, 5, 6, 7, 8, 9>>)).  %% expect: <<"\t">>

kind(<<"GET ", _/binary>>) -> get;
kind(<<N:32, Data:N/binary>>) -> {frame, Data};
kind(<<>>) -> empty;
kind(<<_/binary>>) -> binary;
kind(<<_/bitstring>>) -> bits;
kind(_) -> other.

tail(<<_:16, Rest/binary>>) -> tail(Rest);
tail(Rest) -> Rest.

id(X) -> X.

show(Term) -> io:format("~0tp~n", [Term]).

caught(Fun) ->
    try Fun() of
        Value -> {value, Value}
    catch
        Class:Reason -> {Class, Reason}
    end.
