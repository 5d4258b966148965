%% Unicode: utf8, utf16 and utf32 in bit syntax, the module unicode, printing.
-module(utf).
-export([main/0]).

main() ->
    Text = "aß€😀",
    show([byte_size(unicode:characters_to_binary(Text, unicode, To)) || To <- [utf8, utf16, utf32]]),  %% expect: [10,10,16]
    show([P || <<P/utf8>> <= unicode:characters_to_binary(Text)]),  %% expect: [97,223,8364,128512]
    show([P || <<P/utf16-little>> <= unicode:characters_to_binary(Text, unicode, {utf16, little})]),  %% expect: [97,223,8364,128512]
    show(unicode:characters_to_list(<<"abc", 16#e2, 16#82>>)),  %% expect: {incomplete,"abc",<<226,130>>}
    show(unicode:characters_to_list(<<"ab", 255, "c">>)),  %% expect: {error,"ab",<<"ÿc">>}
    show(unicode:characters_to_binary([1024, <<"x">>, "y"], latin1)),  %% expect: {error,<<>>,[1024,<<"x">>,"y"]}
    show(caught(fun() -> <<_/utf8>> = id(<<16#ed, 16#a0, 16#80>>) end)),  %% expect: {error,{badmatch,<<237,160,128>>}}
    show(caught(fun() -> <<_/utf8>> = id(<<16#c0, 16#80>>) end)),  %% expect: {error,{badmatch,<<192,128>>}}
    io:format("~ts~n", [[8364, $=, <<"€"/utf8>>]]),  %% expect: €=€
    io:format("~p ~tp~n", [[8364], [8364]]),  %% expect: [8364] [8364]
    show(string:length("e\x{301}a")),  %% expect: 2
    show(string:uppercase("straße")),  %% expect: "STRASSE"
    show(string:next_grapheme(<<"e\x{301}x"/utf8>>)),  %% expect: [[101,769]|<<"x">>]
    show(unicode:characters_to_nfc_list("e\x{301}")),  %% expect: "é"
    show(list_to_atom([16#65e5, 16#672c])),  %% expect: '日本'
    show(atom_to_binary('日本')),  %% expect: <<230,151,165,230,156,172>>
    show(binary_to_list(term_to_binary('é'))).  %% expect: [131,100,0,1,233]

id(X) -> X.

show(Term) -> io:format("~0tp~n", [Term]).

caught(Fun) ->
    try Fun() of
        Value -> {value, Value}
    catch
        Class:Reason -> {Class, Reason}
    end.
