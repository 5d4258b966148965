%% Hashes and checksums must agree with other nodes, bit for bit.
-module(hashing).
-export([main/0]).

main() ->
    Terms = [0, 1, -1, 1 bsl 27, 1 bsl 60, 1 bsl 64, -(1 bsl 100), 1.5, 0.0, a, 'é', [], "abc", [a | b], {}, {1, 2.0, x},
             #{}, #{a => 1, 2 => b}, <<>>, <<"abc">>, <<5:3>>, [1, [2, [3]]], maps:from_list([{I, I} || I <- lists:seq(1, 100)])],
    show([erlang:phash2(T) || T <- Terms]),  %% expect: [88723725,2614250,44071773,12354923,31803508,103122609,124857544,10380315,20875736,97,233,113427502,117343302,74710280,87486268,24274489,39679005,42339958,13708901,98228475,133543196,104998709,86594703]
    show([erlang:phash2(T, 1000) || T <- Terms]),  %% expect: [469,162,597,755,788,713,472,235,920,97,233,702,486,656,996,865,373,606,629,27,668,549,167]
    show([erlang:phash(T, 1 bsl 32) || T <- Terms]),  %% expect: [1,2788898428,1680185270,2147483673,49,2788898428,1113160529,1073217537,1,98,234,2,3654580166,4159696708,1,695570479,1113425985,2458264218,1,1972007566,3507216109,1057486168,2099865779]
    show(erlang:phash2(lists:duplicate(100000, {x, "y"}))),  %% expect: 60775498
    show(erlang:phash2(binary:copy(<<"0123456789">>, 10000))),  %% expect: 84302971
    show({erlang:crc32("hello"), erlang:crc32(1, <<"hello">>), erlang:crc32_combine(1, 2, 3)}),  %% expect: {907060870,191926070,29518389}
    show({erlang:adler32("hello"), erlang:adler32_combine(1, 2, 3)}),  %% expect: {103547413,2}
    show(erlang:md5("hello")),  %% expect: <<93,65,64,42,188,75,42,118,185,113,157,145,16,23,197,146>>
    show(erlang:md5_final(erlang:md5_update(erlang:md5_update(erlang:md5_init(), "hel"), <<"lo">>)) =:= erlang:md5("hello")),  %% expect: true
    show(erlang:phash2(fun lists:map/2)).  %% expect: 34981515

show(Term) -> io:format("~0tp~n", [Term]).
