%% io:format: every directive, widths, padding, depth, nested terms.
-module(printing).
-export([main/0]).

main() ->
    io:format("~w ~p ~s ~~ ~c ~i~w~n", ["abc", "abc", "abc", $x, ignored, 1]),
    io:format("|~10w|~-10w|~10.3w|~6s|~-6s|~.2s|~3c|~n", [abc, abc, long_atom, "ab", "ab", "abcdef", $z]),
    io:format("~b ~B ~.16b ~.2B ~10.8b~n", [-10, 255, 255, 5, 64]),
    io:format("~.16x ~.8X ~.16+ ~.16#~n", [255, "0x", 8, "0", 255, 255]),
    io:format("~*c|~*.*.0f|~n", [3, $a, 8, 3, 2.5]),
    io:format("~P~n~W~n", [lists:seq(1, 100), 8, {a, {b, {c, {d}}}}, 4]),
    io:format("~p~n", [#{list => [1, 2], "key" => <<"bin">>, {t} => 'Quoted atom'}]),
    io:format("~p ~p ~p ~p~n", ['hello world', [], '', 'ok@host']),
    io:format("~w ~p~n", [[$a, 1000], [$a, 1000]]),
    io:format("~p~n", [lists:seq(1, 40)]),
    io:format("~p~n", [[{key, lists:duplicate(5, "some longer text")}, {other, {tuple, with, 1.5, <<1, 2, 3>>}}]]),
    io:format("~0p ~0tp~n", [[lists:seq(1, 30)], {"ü", <<"ü"/utf8>>}]),
    io:format("~tw ~ts ~tc~n", ['ü', "üñ", 8364]),
    io:format("~s~n", [[<<"bin">>, $\s, [["deep"]], "list"]]),
    io:format("~lp ~lw~n", ["abc", "abc"]),
    io:put_chars(["plain ", <<"chars">>, $\n]),
    io:format("~-20s|~20s|~n", ["left", "right"]),
    io:format("~*s|~n", [-8, "ab"]),
    io:write({written, "x"}),
    io:nl().
%% expect: [97,98,99] "abc" abc ~ x 1
%% expect: |       abc|abc       |       ***|    ab|ab    |ab|zzz|
%% expect: -10 255 ff 101        100
%% expect: 0xff 010 16#ff 16#FF
%% expect: aaa|0002.500|
%% expect: [1,2,3,4,5,6,7|...]
%% expect: {a,{b,...}}
%% expect: #{list => [1,2],{t} => 'Quoted atom',"key" => <<"bin">>}
%% expect: 'hello world' [] '' ok@host
%% expect: [97,1000] [97,1000]
%% expect: [1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,
%% expect:  29,30,31,32,33,34,35,36,37,38,39,40]
%% expect: [{key,["some longer text","some longer text","some longer text",
%% expect:        "some longer text","some longer text"]},
%% expect:  {other,{tuple,with,1.5,<<1,2,3>>}}]
%% expect: [[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30]] {"ü",<<"ü"/utf8>>}
%% expect: ü üñ €
%% expect: bin deeplist
%% expect: [97,98,99] [97,98,99]
%% expect: plain chars
%% expect: left                |               right|
%% expect: ab      |
%% expect: {written,[120]}
