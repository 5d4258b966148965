%% Binaries: parts, splitting, searching, conversion, comparison.
-module(binary_ops).
-export([main/0]).

main() ->
    show(<<"abc", 0, 255>>),  %% expect: <<97,98,99,0,255>>
    show({byte_size(<<1:17>>), bit_size(<<1:17>>)}),  %% expect: {3,17}
    show(binary:part(<<"hello world">>, {11, -5})),  %% expect: <<"world">>
    show(split_binary(<<"abcdef">>, 2)),  %% expect: {<<"ab">>,<<"cdef">>}
    show(binary:split(<<"a,b,,c">>, <<",">>, [global])),  %% expect: [<<"a">>,<<"b">>,<<>>,<<"c">>]
    show(binary:matches(<<"abracadabra">>, [<<"ab">>, <<"a">>])),  %% expect: [{0,2},{3,1},{5,1},{7,2},{10,1}]
    show(binary:replace(<<"one two">>, <<"o">>, <<"[o]">>, [global, {insert_replaced, 1}])),  %% expect: <<"[oo]ne tw[oo]">>
    show(caught(fun() -> binary:part(<<"abc">>, 2, 5) end)),  %% expect: {error,badarg}
    show(binary_to_list(<<"xyz">>, 2, 3)),  %% expect: "yz"
    show(list_to_binary([1, [2, <<3, 4>>], [[[5]] | <<6>>]])),  %% expect: <<1,2,3,4,5,6>>
    show(caught(fun() -> list_to_binary([256]) end)),  %% expect: {error,badarg}
    show(iolist_size([<<1, 2>>, 3, [[4]]])),  %% expect: 4
    show(bitstring_to_list(<<1, 2, 3:4>>)),  %% expect: [1,2,<<3:4>>]
    show(list_to_bitstring([<<1:1>>, <<5:3>>])),  %% expect: <<13:4>>
    show(binary:encode_unsigned(16#123456789abcdef0123)),  %% expect: <<1,35,69,103,137,171,205,239,1,35>>
    show(binary:decode_unsigned(<<1, 2, 3>>, little)),  %% expect: 197121
    show({<<1, 2>> < <<1, 2, 0>>, <<1:1>> < <<1>>, <<>> =:= <<>>}),  %% expect: {true,false,true}
    Big = binary:copy(<<"0123456789">>, 1000),
    <<_:5000/binary, Middle:10/binary, _/binary>> = Big,
    show({Middle, binary:referenced_byte_size(Middle), binary:referenced_byte_size(binary:copy(Middle))}),  %% expect: {<<"0123456789">>,10,10}
    show(binary:longest_common_prefix([<<"erlang">>, <<"ergonomy">>])),  %% expect: 2
    show({binary:first(<<1, 2>>), binary:last(<<1, 2>>), binary:at(<<1, 2>>, 1)}),  %% expect: {1,2,2}
    show(integer_to_binary(-255, 16)),  %% expect: <<"-FF">>
    show(caught(fun() -> binary_to_integer(<<"12x">>) end)).  %% expect: {error,badarg}

show(Term) -> io:format("~0tp~n", [Term]).

caught(Fun) ->
    try Fun() of
        Value -> {value, Value}
    catch
        Class:Reason -> {Class, Reason}
    end.
