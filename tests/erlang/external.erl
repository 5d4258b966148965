%% The external term format, byte by byte, and its errors.
-module(external).
-export([main/0]).

%% expect: <<131,97,1>>
%% expect: <<131,98,0,0,1,0>>
%% expect: <<131,98,255,255,255,255>>
%% expect: <<131,110,6,0,0,0,0,0,0,1>>
main() ->
    [show(term_to_binary(T)) || T <- [1, 256, -1, 1 bsl 40]],
    show(term_to_binary([a, 1.5, "str", <<"bin">>, <<1:3>>, {x, []}, #{k => v}])),  %% expect: <<131,108,0,0,0,7,100,0,1,97,70,63,248,0,0,0,0,0,0,107,0,3,115,116,114,109,0,0,0,3,98,105,110,77,0,0,0,1,3,32,104,2,100,0,1,120,106,116,0,0,0,1,100,0,1,107,100,0,1,118,106>>
    show(term_to_binary([1, 300 | tail])),  %% expect: <<131,108,0,0,0,2,97,1,98,0,0,1,44,100,0,4,116,97,105,108>>
    show(term_to_binary(1.5, [{minor_version, 0}])),  %% expect: <<131,99,49,46,53,48,48,48,48,48,48,48,48,48,48,48,48,48,48,48,48,48,48,48,101,43,48,48,0,0,0,0,0>>
    show(term_to_binary(fun lists:map/2)),  %% expect: <<131,113,100,0,5,108,105,115,116,115,100,0,3,109,97,112,97,2>>
    show(binary_to_term(<<131, 108, 0, 0, 0, 1, 97, 1, 106>>)),  %% expect: [1]
    show(caught(fun() -> binary_to_term(<<131, 108, 0, 0, 0, 1>>) end)),  %% expect: {error,badarg}
    show(caught(fun() -> binary_to_term(<<130, 97, 1>>) end)),  %% expect: {error,badarg}
    show(caught(fun() -> binary_to_term(<<131, 119, 22, "never_seen_atom_abcxyz">>, [safe]) end)),  %% expect: {error,badarg}
    show(binary_to_term(<<131, 97, 1, "trailing">>, [used])),  %% expect: {1,3}
    Long = lists:duplicate(1000, $a),
    Compressed = term_to_binary(Long, [compressed]),
    show({byte_size(Compressed) < 100, binary_to_term(Compressed) =:= Long}),  %% expect: {true,true}
    show(round_trip([self(), make_ref(), fun(X) -> X end, 1.0e300, -(1 bsl 2000), <<0:1001>>, list_to_tuple(lists:seq(1, 300))])),  %% expect: [true,true,true,true,true,true,true]
    show(erlang:external_size([1, 2, {three, <<4>>}])),  %% expect: 27
    show(iolist_to_binary(term_to_iovec({a, <<"b">>})) =:= term_to_binary({a, <<"b">>})),  %% expect: true
    show(term_to_binary({é, 'long name'}, [{minor_version, 1}])),  %% expect: <<131,104,2,100,0,1,233,100,0,9,108,111,110,103,32,110,97,109,101>>
    show(erlang:md5(term_to_binary(lists:seq(1, 1000)))),  %% expect: <<110,66,76,90,86,17,122,6,94,166,68,37,61,64,26,14>>
    show(binary_to_term(<<131, 116, 0, 0, 0, 2, 97, 2, 97, 20, 97, 1, 97, 10>>)),  %% expect: #{1 => 10,2 => 20}
    show(caught(fun() -> binary_to_term(<<131, 116, 0, 0, 0, 2, 97, 1, 97, 20, 97, 1, 97, 10>>) end)).  %% expect: {error,badarg}

round_trip(Terms) -> [binary_to_term(term_to_binary(T)) =:= T || T <- Terms].

show(Term) -> io:format("~0tp~n", [Term]).

caught(Fun) ->
    try Fun() of
        Value -> {value, Value}
    catch
        Class:Reason -> {Class, Reason}
    end.
