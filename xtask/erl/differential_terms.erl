%% Random terms, with a liking for borders: small and big integers, odd bit sizes, strange floats, long lists.
-module(differential_terms).
-export([term/1, small/1, near/1, typed/1, integer/0, number/0, float/0, code_point/0, bitstring/1, binary/1, text/0,
         match_clause/1]).

term(Depth) -> term(rand:uniform(20), Depth).

term(N, _) when N =< 3 -> integer();
term(4, _) -> float();
term(N, _) when N =< 6 -> atom();
term(7, _) -> binary(20);
term(8, _) -> bitstring(70);
term(9, _) -> text();
term(10, _) -> pick([[], {}, #{}, <<>>, <<0:1>>, 0, -0.0]);
term(_, Depth) when Depth =< 0 -> pick([0, a, [], 1.5, <<"x">>]);
term(N, Depth) when N =< 13 -> [term(Depth - 1) || _ <- lists:seq(1, rand:uniform(4))];
term(14, Depth) -> [term(Depth - 1) | term(Depth - 1)];
term(N, Depth) when N =< 17 -> list_to_tuple([term(Depth - 1) || _ <- lists:seq(1, rand:uniform(4))]);
term(18, Depth) -> map(Depth, rand:uniform(5));
term(19, Depth) -> pick([fun() -> lists:duplicate(rand:uniform(300), term(Depth - 2)) end,
                         fun() -> lists:seq(1, rand:uniform(500)) end,
                         fun() -> map(Depth - 2, rand:uniform(32)) end,
                         fun() -> list_to_tuple(lists:seq(1, rand:uniform(300))) end,
                         fun() -> binary(300) end]);
term(20, _) -> pick([fun lists:map/2, fun erlang:'+'/2, fun no_module:no_function/7]).

%% Terms of which many are equal to each other.
small(Depth) ->
    case rand:uniform(8) of
        N when N =< 3 -> rand:uniform(5) - 2;
        4 -> pick([a, b, true, false]);
        5 -> pick([1.0, 2.0, 0.5]);
        6 when Depth > 0 -> list_to_tuple([small(Depth - 1) || _ <- lists:seq(1, rand:uniform(3))]);
        7 when Depth > 0 -> [small(Depth - 1) || _ <- lists:seq(1, rand:uniform(3))];
        8 when Depth > 0 -> #{small(0) => small(Depth - 1)};
        _ -> pick([[], {}, <<"b">>, "s"])
    end.

map(Depth, Size) -> maps:from_list([{term(Depth - 2), term(Depth - 1)} || _ <- lists:seq(1, Size)]).

%% Something that is nearly the same.
near(N) when is_integer(N) -> pick([N, N + 1, -N, try erlang:float(N) catch error:_ -> N end]);
near(F) when is_float(F) -> pick([F, -F, trunc(F)]);
near([H | T]) -> pick([[near(H) | T], [H | near(T)], T, [H, H | T]]);
near(T) when is_tuple(T), tuple_size(T) > 0 ->
    I = rand:uniform(tuple_size(T)),
    pick([setelement(I, T, near(element(I, T))), erlang:delete_element(I, T), erlang:append_element(T, [])]);
near(M) when is_map(M), map_size(M) > 0, map_size(M) < 32 ->
    {K, V} = pick(maps:to_list(M)),
    pick([M#{K := near(V)}, maps:remove(K, M), M#{near(K) => V}]);
near(B) when is_bitstring(B) -> pick([<<B/bits, 0:1>>, <<1:1, B/bits>>, B]);
near(T) -> pick([T, {T}, [T]]).

integer() ->
    Base = pick([0, 1, 255, 256, 1 bsl 27, 1 bsl 31, 1 bsl 32, 1 bsl 58, 1 bsl 59, 1 bsl 60, 1 bsl 61, 1 bsl 62, 1 bsl 63,
                 1 bsl 64, 1 bsl 127, 1 bsl 128, 1 bsl 53, rand:uniform(1000), rand:uniform(1 bsl 40), rand:uniform(1 bsl 70),
                 rand:uniform(1 bsl 200), 1 bsl rand:uniform(600), 10, 100000]),
    pick([1, 1, -1]) * (Base + pick([0, 0, 1, -1, rand:uniform(10)])).

number() -> pick([fun integer/0, fun float/0, fun() -> rand:uniform(20) - 10 end]).

float() ->
    pick([0.0, -0.0, 1.0, -1.0, 0.1, 1.5, 1.0e10, 1.0e22, 1.0e23, 9007199254740992.0, 4.9e-324, 2.2250738585072014e-308,
          1.7976931348623157e308, 123456.789, rand:uniform(), rand:normal() * 1.0e6, 1 / 3, 1.0e-5, 1.0e15, 1.0e16,
          random_float()]).

random_float() ->
    case <<(rand:uniform(1 bsl 64) - 1):64>> of
        <<F/float>> -> F;
        _ -> 2.5
    end.

atom() -> pick([a, b, c, true, false, undefined, '', 'A b', 'é', '日本', ok, error, [] , nil, infinity, 'a@b']).

code_point() -> pick([rand:uniform(127), rand:uniform(255), rand:uniform(16#7ff), 16#20ac, 16#1f600, 16#d800, 16#10ffff, 16#110000, 16#ffff, -1, 0]).

binary(Most) -> pick([rand:bytes(rand:uniform(Most)), list_to_binary(lists:sublist("hello, world: abcabcabc 123", rand:uniform(Most))), <<>>]).

bitstring(Most) ->
    Size = rand:uniform(Most),
    <<Bits:Size/bits, _/bits>> = rand:bytes(Size div 8 + 1),
    Bits.

text() ->
    pick(["", "abc", "hello world", "a,b,,c", "12", "-7", "1.5", "1e3", "grüße", "日本", "e\x{301}a", "line\nline", "  pad  ", "aXbXc",
          "\x{1f600}!", "{a, [1]}.", "http://h:1/p?q", "~w", "/usr/lib/x", "ab\0c"]).

%% Arguments of functions; one in twelve is of any kind.
typed(Type) ->
    Term = case rand:uniform(12) of 1 -> term(2); _ -> of_type(Type) end,
    case is_function(Term, 0) of true -> Term(); false -> Term end.

of_type(any) -> term(3);
of_type(integer) -> integer();
of_type(float) -> float();
of_type(number) -> number();
of_type(numbers) -> [typed(number) || _ <- lists:seq(1, rand:uniform(5))];
of_type(count) -> pick([0, 1, -1, 3, 59, 60, 64, -64, 200, -200, rand:uniform(300) - 150]);
of_type(small) -> pick([0, 1, 2, 3, 4, 5, 8, 10, 16, 36, -1, -3, 40]);
of_type(atom) -> atom();
of_type(boolean) -> pick([true, false]);
of_type(list) -> pick([fun() -> [small(2) || _ <- lists:seq(1, rand:uniform(6))] end, fun() -> [term(2) || _ <- lists:seq(1, rand:uniform(4))] end,
                       fun text/0, fun() -> [] end]);
of_type(pairs) -> [{small(1), term(1)} || _ <- lists:seq(1, rand:uniform(5))];
of_type(tuple) -> list_to_tuple([term(2) || _ <- lists:seq(1, rand:uniform(4))]);
of_type(map) -> pick([map(2, rand:uniform(5)), #{}, maps:from_list([{small(1), small(1)} || _ <- lists:seq(1, 4)])]);
of_type(binary) -> binary(20);
of_type(binaries) -> [binary(6) || _ <- lists:seq(1, rand:uniform(3))];
of_type(bits) -> bitstring(100);
of_type(iolist) -> iolist(3);
of_type(text) -> text();
of_type(digits) -> pick(["0", "-1", "+12", "123456789012345678901234567890", "1.5", "-0.0", "1.0e10", "1.0e400", "zz", "7f", "", " 1", "1 ", "1.", "1e5", integer_to_list(integer())]);
of_type(float_options) -> pick([[], [short], [{decimals, rand:uniform(20)}], [{decimals, rand:uniform(6)}, compact], [{scientific, rand:uniform(15)}]]);
of_type(external) -> damage(term_to_binary(term(3), pick([[], [compressed], [{minor_version, 0}]])));
of_type(unit) -> pick([second, millisecond, microsecond, nanosecond, 1000, 44100]);
of_type(endian) -> pick([big, little, big, middle]);
of_type(packet_type) -> pick([raw, 0, 1, 2, 4, line, http, httph, http_bin, asn1, tpkt, cdr]);
of_type(packet_options) -> pick([[], [{packet_size, 5}], [{line_length, 4}]]);
of_type(pattern) -> pick([<<"a">>, <<",">>, <<"l">>, [<<"a">>, <<"b">>], [<<"ab">>, <<"abc">>], <<"hello">>, <<>>, []]);
of_type(split_options) -> pick([[], [global], [trim], [global, trim_all], [{scope, {1, 3}}], [{scope, {5, -2}}]]);
of_type(chardata) -> pick([text(), unicode:characters_to_binary(text()), binary(10), [text(), <<"x">>, [$a | <<"t">>]], [[16#110000]], <<"ab", 16#e2, 16#82>>]);
of_type(encoding) -> pick([latin1, unicode, utf8, utf16, {utf16, little}, utf32, {utf32, big}, nonsense]);
of_type(regex) -> pick(["a", "b*", "(a)(b)?", "[a-c]+", "^h", "o\\b", "(?<n>l+)", "(", "\\d+", ".", "(?i)HELLO", "x|y|", "a{2,3}", "\\s", "", "[^a]", "(?=w)"]);
of_type(regex_options) -> pick([[], [global], [unicode], [{capture, all, list}], [{capture, first, binary}], [caseless], [{offset, 2}], [global, {capture, all_but_first, list}], [{capture, none}], [{capture, [n], list}, dupnames]]).

iolist(0) -> pick([[], <<"x">>, [1, 2]]);
iolist(Depth) -> [pick([rand:uniform(256) - 1, iolist(Depth - 1), binary(5), 300]) || _ <- lists:seq(1, rand:uniform(4))] ++ pick([[], [], <<"tail">>]).

damage(Binary) ->
    case rand:uniform(3) of
        1 -> Binary;
        2 -> binary:part(Binary, 0, rand:uniform(byte_size(Binary)));
        3 ->
            At = rand:uniform(byte_size(Binary)) - 1,
            <<Before:At/binary, _, After/binary>> = Binary,
            <<Before/binary, (rand:uniform(256) - 1), After/binary>>
    end.

%% A clause of a match specification: a head that resembles a row, guards, bodies.
match_clause(Rows) ->
    Head = pick(['_', '$1', blur(pick(Rows)), blur(pick(Rows)), blur(pick(Rows))]),
    {Head, [guard(2) || _ <- lists:seq(1, rand:uniform(3) - 1)], pick([['$_'], ['$$'], [expression(2)], [expression(3), expression(1)], [true]])}.

blur(T) when is_tuple(T) -> list_to_tuple([blur(X) || X <- tuple_to_list(T)]);
blur(T) ->
    case rand:uniform(5) of
        1 -> '_';
        2 -> '$1';
        3 -> '$2';
        _ -> T
    end.

guard(Depth) ->
    pick([{pick(['<', '>', '=<', '>=', '==', '=:=', '/=', '=/=']), expression(Depth - 1), expression(Depth - 1)},
          {pick([is_integer, is_float, is_number, is_atom, is_list, is_tuple, is_map, is_binary]), expression(Depth - 1)},
          {pick(['and', 'or', 'andalso', 'orelse', 'xor']), {is_atom, expression(0)}, {'>', expression(0), expression(0)}},
          {'not', {is_list, expression(0)}}, true, {is_map_key, expression(0), expression(0)}, {nonsense}]).

expression(Depth) when Depth =< 0 -> pick(['$1', '$2', '$_', 1, a, {const, {x}}, 2.0, '$$', <<"b">>]);
expression(Depth) ->
    E = fun() -> expression(Depth - 1) end,
    pick([{pick(['+', '-', '*', 'div', 'rem', 'band', 'bsl']), E(), E()}, {'/', E(), E()}, {element, E(), E()}, {size, E()}, {length, E()},
          {hd, E()}, {tl, E()}, {abs, E()}, {{E(), E()}}, [E(), E()], #{k => E()}, {map_size, E()}, {map_get, E(), E()}, {self}, {node},
          {tuple_size, E()}, {bit_size, E()}, {trunc, E()}, {max, E(), E()}, '$1', '$2', {is_atom, E()}]).

pick(List) ->
    case lists:nth(rand:uniform(length(List)), List) of
        Make when is_function(Make, 0) -> Make();
        Term -> Term
    end.
