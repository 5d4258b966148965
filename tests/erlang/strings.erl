%% Text with the library: string, io_lib, unicode-aware operations, conversion.
-module(strings).
-export([main/0]).

main() ->
    show(string:split("a b c", " ", all)),  %% expect: ["a","b","c"]
    show(string:lexemes("  many   words here ", " ")),  %% expect: ["many","words","here"]
    show(string:trim("  x  ")),  %% expect: "x"
    show(string:pad("7", 3, leading, $0)),  %% expect: ["00","7"]
    show(string:find("hello world", "o w")),  %% expect: "o world"
    show(string:replace("aXbX", "X", "-", all)),  %% expect: ["a","-","b","-",[]]
    show({string:titlecase("élan"), string:casefold("ÀB"), string:reverse("abc")}),  %% expect: {"Élan","àb","cba"}
    show(string:to_integer("42rest")),  %% expect: {42,"rest"}
    show(string:to_float("3.5e2x")),  %% expect: {350.0,"x"}
    show(string:equal("ä", "a\x{308}", false, nfc)),  %% expect: true
    show(string:slice("hello", 1, 3)),  %% expect: "ell"
    show(lists:flatten(io_lib:format("~s-~w", ["a", b]))),  %% expect: "a-b"
    show(io_lib:fread("~d ~s ~f", "12 word 1.5 rest")),  %% expect: {ok,[12,"word",1.5]," rest"}
    show(io_lib:printable_list("abc\n")),  %% expect: true
    show(lists:concat([a, 1, "b", 2.5])),  %% expect: "a1b2.50000000000000000000e+00"
    show(erl_scan:string("X = {a, \"s\", 1.0}.")),  %% expect: {ok,[{var,1,'X'},{'=',1},{'{',1},{atom,1,a},{',',1},{string,1,"s"},{',',1},{float,1,1.0},{'}',1},{dot,1}],1}
    {ok, Tokens, _} = erl_scan:string("lists:sum([X * 2 || X <- [1, 2, 3]])."),
    {ok, Exprs} = erl_parse:parse_exprs(Tokens),
    show(erl_eval:exprs(Exprs, [])),  %% expect: {value,12,[]}
    show(binary_to_list(base64:encode("any carnal pleas"))),  %% expect: "YW55IGNhcm5hbCBwbGVhcw=="
    show(uri_string:parse("http://user@host:80/p?q#f")).  %% expect: #{fragment => "f",host => "host",path => "/p",port => 80,query => "q",scheme => "http",userinfo => "user"}

show(Term) -> io:format("~0tp~n", [Term]).
