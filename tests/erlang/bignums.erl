%% Integers beyond a word: arithmetic, bits, conversion, limits between small and big.
-module(bignums).
-export([main/0]).

main() ->
    Big = 1 bsl 100,
    show(Big),  %% expect: 1267650600228229401496703205376
    show(-Big * Big + 1),  %% expect: -1606938044258990275541962092341162602522202993782792835301375
    show({Big div 7, Big rem 7, -Big div 7, -Big rem 7}),  %% expect: {181092942889747057356671886482,2,-181092942889747057356671886482,-2}
    show(factorial(50)),  %% expect: 30414093201713378043612608166064768844377641568960512000000000000
    show(factorial(100) div factorial(98)),  %% expect: 9900
    show((1 bsl 59) - 1 + id(1)),  %% expect: 576460752303423488
    show({(1 bsl 60) - id(1), -(1 bsl 60) - id(1), (1 bsl 63) + id(0), (1 bsl 64) - id(1)}),  %% expect: {1152921504606846975,-1152921504606846977,9223372036854775808,18446744073709551615}
    show({id(-1) bsr 200, Big bsr 90, -Big bsr 99, id(5) bsl -1}),  %% expect: {-1,1024,-2,2}
    show({Big band (Big - 1), (-Big) band 16#ffff, Big bor 1, (-Big) bxor Big, bnot Big}),  %% expect: {0,0,1267650600228229401496703205377,-2535301200456458802993406410752,-1267650600228229401496703205377}
    show({id(-5) band (1 bsl 70), id(-5) bor (1 bsl 70)}),  %% expect: {1180591620717411303424,-5}
    show(list_to_integer("-123456789012345678901234567890")),  %% expect: -123456789012345678901234567890
    show(integer_to_list(1 bsl 130, 36)),  %% expect: "1OMFRO7ZWMUMR3UMXUDZYJ6SCG"
    show(list_to_integer("zz1", 36)),  %% expect: 46621
    show(binary_to_integer(<<"FFFFFFFFFFFFFFFFFFFF">>, 16)),  %% expect: 1208925819614629174706175
    show({Big > 1.0e30, Big < 1.3e30, Big == 1267650600228229401496703205376.0, -Big < -1.0e30}),  %% expect: {true,true,true,true}
    show(round(1.0e25)),  %% expect: 10000000000000000905969664
    show(caught(fun() -> id(Big) div 0 end)),  %% expect: {error,badarith}
    show(caught(fun() -> id(1) bsl (1 bsl 70) end)),  %% expect: {error,system_limit}
    show(id(0) bsl (1 bsl 70)),  %% expect: 0
    show(erlang:phash2([Big, -Big])),  %% expect: 126816677
    show({gcd(factorial(30), 1 bsl 64), pow(3, 200) rem 1000007}),  %% expect: {67108864,959082}
    show({pow(10, 40) - pow(10, 40), pow(10, 40) - (pow(10, 40) - 1)}),  %% expect: {0,1}
    show(byte_size(term_to_binary(1 bsl 3000))),  %% expect: 383
    show({abs(-Big), -(-Big) =:= Big, erlang:max(Big, -Big)}).  %% expect: {1267650600228229401496703205376,true,1267650600228229401496703205376}

factorial(0) -> 1;
factorial(N) -> N * factorial(N - 1).

pow(_, 0) -> 1;
pow(B, N) -> B * pow(B, N - 1).

gcd(A, 0) -> A;
gcd(A, B) -> gcd(B, A rem B).

id(X) -> X.

show(Term) -> io:format("~0tp~n", [Term]).

caught(Fun) ->
    try Fun() of
        Value -> {value, Value}
    catch
        Class:Reason -> {Class, Reason}
    end.
