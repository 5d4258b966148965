%% Regular expressions: captures, options, replacement, splitting, errors.
-module(regex).
-export([main/0]).

main() ->
    show(re:run("hello world", "o (w)(x)?")),  %% expect: {match,[{4,3},{6,1}]}
    show(re:run("hello world", "(?<first>h.)l", [{capture, [first], binary}])),  %% expect: {match,[<<"he">>]}
    show(re:run("ABC abc", "abc", [caseless, global, {capture, all, list}])),  %% expect: {match,[["ABC"],["abc"]]}
    show(re:run("x", "y")),  %% expect: nomatch
    show(re:replace("a-b-c", "-", "+", [global, {return, list}])),  %% expect: "a+b+c"
    show(re:replace("abc", "(b)", "[\\1&]", [{return, binary}])),  %% expect: <<"a[bb]c">>
    show(re:split("a1b22c", "[0-9]+", [{return, list}])),  %% expect: ["a","b","c"]
    show(re:split("a,b", "(,)", [{return, binary}, {parts, 2}])),  %% expect: [<<"a">>,<<",">>,<<"b">>]
    {ok, Compiled} = re:compile("^\\d{2,3}$", [multiline]),
    show(re:run("1\n12\n1234", Compiled, [{capture, first, list}])),  %% expect: {match,["12"]}
    show(re:compile("(unclosed")),  %% expect: {error,{"missing )",9}}
    show(re:run(<<"größe"/utf8>>, "ö", [unicode])),  %% expect: {match,[{2,2}]}
    show(re:run("größe", "\\x{f6}(.)", [unicode, {capture, all_but_first, list}])),  %% expect: {match,["ß"]}
    show(re:run("aaa", "a*?", [{capture, all, list}])),  %% expect: {match,[[]]}
    show(re:run("foobar", "foo(?=bar)", [{capture, all, index}])),  %% expect: {match,[{0,3}]}
    show(re:run("abcabc", "abc", [{offset, 1}])),  %% expect: {match,[{3,3}]}
    show(caught(fun() -> re:run("x", "x", [no_such_option]) end)),  %% expect: {error,badarg}
    show(re:run(lists:duplicate(30, $a), "(a+)+$b", [{match_limit, 1000}, report_errors])),  %% expect: nomatch
    show(re:inspect(element(2, re:compile("(?<b>x)(?<a>y)")), namelist)),  %% expect: {namelist,[<<"a">>,<<"b">>]}
    show(re:run("line1\r\nline2", "^line2$", [multiline, {newline, crlf}])).  %% expect: {match,[{7,5}]}

show(Term) -> io:format("~0tp~n", [Term]).

caught(Fun) ->
    try Fun() of
        Value -> {value, Value}
    catch
        Class:Reason -> {Class, Reason}
    end.
