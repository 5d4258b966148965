%% Random cases of several kinds. The same seed and id always give the same case.
-module(differential_cases).
-export([make/2]).

make(Seed, Id) ->
    rand:seed(exsss, {Seed, Id, 7919}),
    put(fresh, 0),
    {Variables, Body} = kind(rand:uniform(100)),
    {Id, Variables, Body}.

kind(N) when N =< 15 -> battery();
kind(N) when N =< 40 -> call();
kind(N) when N =< 55 -> bits();
kind(N) when N =< 65 -> table();
kind(N) when N =< 75 -> format();
kind(_) -> program().

%% Everything that can be asked of two terms.
battery() ->
    A = bounded(5),
    B = pick([fun() -> bounded(4) end, fun() -> differential_terms:near(A) end]),
    {[{'A', A}, {'B', B()}], [remote(differential_run, terms, [var('A'), var('B')])]}.

%% What takes seconds to print says no more than what is small.
bounded(Depth) ->
    Term = differential_terms:term(Depth),
    case erts_debug:flat_size(Term) > 4000 of
        true -> bounded(Depth);
        false -> Term
    end.

%% A function of the library or of the VM, with arguments that mostly fit.
call() ->
    {Module, Function, Types} = pick(functions()),
    Args = [differential_terms:typed(T) || T <- Types],
    Names = lists:sublist(['A', 'B', 'C', 'D'], length(Args)),
    {lists:zip(Names, Args), [comparable(Function, remote(Module, Function, [var(N) || N <- Names]))]}.

%% Values that are never the same twice are only looked at.
comparable(unique_integer, Call) -> remote(erlang, is_integer, [Call]);
comparable(_, Call) -> Call.

%% A bit string is built from segments and taken apart by others.
bits() ->
    Segments = [segment() || _ <- lists:seq(1, rand:uniform(5))],
    Bindings = [{V, T} || {_, V, T, _, _, _} <- Segments],
    Built = {bin, 0, [{bin_element, 0, var(V), Size, Types} || {_, V, _, Size, Types, _} <- Segments]},
    Patterns = pick([[P || {_, _, _, _, _, P} <- Segments], [literal(S) || S <- Segments],
                     [pattern_segment() || _ <- lists:seq(1, rand:uniform(4))]]),
    Rest = pick([[], [{bin_element, 0, var('Rest'), default, [bitstring]}]]),
    Found = {tuple, 0, [var(V) || {bin_element, _, {var, _, V}, _, _} <- Patterns ++ Rest, V =/= '_']},
    {Bindings,
     [{match, 0, var('Bits'), Built},
      {'case', 0, var('Bits'),
       [{clause, 0, [{bin, 0, Patterns ++ Rest}], [], [{tuple, 0, [var('Bits'), Found]}]},
        {clause, 0, [{var, 0, '_'}], [], [{tuple, 0, [var('Bits'), {atom, 0, no_match}]}]}]}]}.

%% The value itself where a pattern may have one, or one that is not there.
literal({integer, _, Value, Size, Spec, Pattern}) when is_integer(Value) ->
    case rand:uniform(4) of
        1 -> Pattern;
        _ -> {bin_element, 0, {integer, 0, pick([Value, Value, Value, Value + 1])}, Size, Spec}
    end;
literal({_, _, _, _, _, Pattern}) -> Pattern.

segment() ->
    V = fresh("S"),
    P = fresh("P"),
    {Type, Term, Size, Spec} = segment_type(rand:uniform(9)),
    {Type, V, Term, Size, Spec, {bin_element, 0, var(P), Size, Spec}}.

segment_type(1) -> {integer, differential_terms:integer(), width(70), [integer, sign(), endian()]};
segment_type(2) -> {integer, differential_terms:integer(), width(20), [integer, sign(), endian(), {unit, rand:uniform(16)}]};
segment_type(3) -> {float, differential_terms:number(), {integer, 0, pick([16, 32, 64, 64, 24])}, [float, endian()]};
segment_type(4) -> {utf8, differential_terms:code_point(), default, [utf8]};
segment_type(5) -> {utf16, differential_terms:code_point(), default, [utf16, endian()]};
segment_type(6) -> {utf32, differential_terms:code_point(), default, [utf32, endian()]};
segment_type(7) ->
    Bits = differential_terms:bitstring(60),
    {bits, Bits, {integer, 0, pick([bit_size(Bits), rand:uniform(40)])}, [bitstring]};
segment_type(8) ->
    Bin = differential_terms:binary(8),
    {binary, Bin, pick([{integer, 0, byte_size(Bin)}, {integer, 0, rand:uniform(5)}]), [binary]};
segment_type(9) -> {integer, differential_terms:term(1), default, [integer]}.

pattern_segment() ->
    P = pick([fresh("P"), fresh("P"), '_']),
    {Size, Spec} = pick([{width(64), [integer, sign(), endian()]}, {{integer, 0, pick([32, 64])}, [float, endian()]},
                         {default, [utf8]}, {default, [utf16, endian()]}, {width(30), [bitstring]}, {width(4), [binary]},
                         {default, [integer]}]),
    {bin_element, 0, var(P), Size, Spec}.

width(Most) -> {integer, 0, pick([8, 16, 32, rand:uniform(Most), rand:uniform(Most)])}.
sign() -> pick([signed, unsigned]).
endian() -> pick([big, little, native]).

%% Rows in tables, and a match specification.
table() ->
    Rows = [list_to_tuple([differential_terms:small(2) || _ <- lists:seq(1, rand:uniform(3))]) || _ <- lists:seq(1, rand:uniform(6))],
    Spec = [differential_terms:match_clause(Rows) || _ <- lists:seq(1, rand:uniform(2))],
    {[{'A', Rows}, {'B', Spec}], [remote(differential_run, table, [var('A'), var('B')])]}.

format() ->
    {Format, Args} = lists:unzip([directive() || _ <- lists:seq(1, rand:uniform(4))]),
    Some = pick([lists:append(Args), lists:append(Args), lists:append(Args), tl(lists:append(Args) ++ [x])]),
    {[{'A', lists:append(Format)}, {'B', Some}], [remote(lists, flatten, [remote(io_lib, format, [var('A'), var('B')])])]}.

directive() ->
    Width = pick(["", "", integer_to_list(rand:uniform(20)), "-" ++ integer_to_list(rand:uniform(20))]),
    Precision = pick(["", "", "", "." ++ integer_to_list(rand:uniform(10))]),
    Pad = case Precision of "" -> ""; _ -> pick(["", "", ".*", ".0"]) end,
    Modifier = pick(["", "", "t"]),
    {Char, Arg} = pick([{"w", differential_terms:term(3)}, {"p", differential_terms:term(4)}, {"s", differential_terms:text()},
                        {"e", differential_terms:float()}, {"f", differential_terms:float()}, {"g", differential_terms:float()},
                        {"b", differential_terms:integer()}, {"B", differential_terms:integer()}, {"c", differential_terms:code_point()},
                        {"#", differential_terms:integer()}, {"+", differential_terms:integer()}, {"s", atom},
                        {"s", differential_terms:binary(10)}, {"w", differential_terms:float()}]),
    {Depth, Extra} = case {Char, rand:uniform(5)} of {"p", 1} -> {"P", [rand:uniform(10)]}; {"w", 1} -> {"W", [rand:uniform(10)]}; _ -> {Char, []} end,
    {pick(["", " ", "~n", "x"]) ++ "~" ++ Width ++ Precision ++ (case Pad of ".*" -> ".x"; _ -> Pad end) ++ Modifier ++ Depth, [Arg | Extra]}.

%% A small program of expressions.
program() ->
    Variables = [{list_to_atom([V]), differential_terms:typed(pick([integer, list, any, atom, binary, map, tuple, float]))}
                 || V <- lists:sublist("ABCD", rand:uniform(4))],
    {Variables, differential_program:body([V || {V, _} <- Variables])}.

functions() ->
    [{erlang, F, T} || {F, T} <-
        [{abs, [number]}, {'+', [number, number]}, {'-', [number, number]}, {'*', [number, number]}, {'/', [number, number]},
         {'div', [integer, integer]}, {'rem', [integer, integer]}, {'band', [integer, integer]}, {'bor', [integer, integer]},
         {'bxor', [integer, integer]}, {'bnot', [integer]}, {'bsl', [integer, count]}, {'bsr', [integer, count]},
         {'-', [number]}, {'++', [list, list]}, {'--', [list, list]}, {round, [number]}, {trunc, [number]}, {floor, [number]},
         {ceil, [number]}, {float, [number]}, {element, [small, tuple]}, {setelement, [small, tuple, any]}, {hd, [list]},
         {tl, [list]}, {length, [list]}, {size, [any]}, {tuple_size, [tuple]}, {byte_size, [bits]}, {bit_size, [bits]},
         {map_size, [map]}, {map_get, [any, map]}, {is_map_key, [any, map]}, {binary_part, [binary, small, small]},
         {split_binary, [binary, small]}, {append_element, [tuple, any]}, {insert_element, [small, tuple, any]},
         {delete_element, [small, tuple]}, {make_tuple, [small, any]}, {make_tuple, [small, any, pairs]},
         {list_to_tuple, [list]}, {tuple_to_list, [tuple]}, {list_to_binary, [iolist]}, {iolist_to_binary, [iolist]},
         {iolist_size, [iolist]}, {list_to_bitstring, [iolist]}, {bitstring_to_list, [bits]}, {binary_to_list, [binary]},
         {binary_to_list, [binary, small, small]}, {atom_to_list, [atom]}, {atom_to_binary, [atom]}, {list_to_atom, [text]},
         {binary_to_atom, [binary]}, {integer_to_list, [integer]}, {integer_to_list, [integer, small]},
         {integer_to_binary, [integer, small]}, {list_to_integer, [digits]}, {list_to_integer, [digits, small]},
         {binary_to_integer, [binary]}, {float_to_list, [float]}, {float_to_list, [float, float_options]},
         {float_to_binary, [float, float_options]}, {list_to_float, [digits]}, {binary_to_term, [external]},
         {term_to_binary, [any]}, {phash2, [any]}, {phash2, [any, integer]}, {phash, [any, integer]}, {crc32, [iolist]},
         {adler32, [iolist]}, {md5, [iolist]}, {external_size, [any]}, {is_record, [any, atom]}, {is_function, [any, small]},
         {convert_time_unit, [integer, unit, unit]}, {'and', [boolean, boolean]}, {'or', [boolean, any]}, {'not', [any]},
         {'<', [any, any]}, {'==', [number, number]}, {'=:=', [any, any]}, {max, [number, number]}, {min, [any, any]},
         {apply, [atom, atom, list]}, {list_to_pid, [text]}, {list_to_ref, [text]}, {decode_packet, [packet_type, binary, packet_options]},
         {fun_info, [any]}, {process_flag, [atom, any]}, {process_info, [any, atom]}, {send, [any, any]}, {link, [any]},
         {monitor, [atom, any]}, {register, [atom, any]}, {put, [any, any]}, {raise, [atom, any, list]}, {error, [any, list]},
         {binary_to_float, [binary]}, {list_to_existing_atom, [text]}, {unique_integer, [list]}, {universaltime_to_localtime, [any]},
         {match_spec_test, [tuple, list, atom]}, {system_info, [atom]}, {spawn_opt, [any, list]}]] ++
    [{lists, F, T} || {F, T} <-
        [{reverse, [list]}, {reverse, [list, any]}, {member, [any, list]}, {keyfind, [any, small, pairs]}, {keymember, [any, small, pairs]},
         {keysearch, [any, small, pairs]}, {sort, [list]}, {usort, [list]}, {keysort, [small, pairs]}, {sum, [numbers]}, {max, [list]},
         {nth, [small, list]}, {nthtail, [small, list]}, {sublist, [list, small]}, {sublist, [list, small, small]}, {append, [list]},
         {flatten, [list]}, {zip, [list, list]}, {delete, [any, list]}, {subtract, [list, list]}, {seq, [small, small]},
         {seq, [small, small, small]}, {split, [small, list]}, {prefix, [list, list]}, {suffix, [list, list]}, {last, [list]},
         {duplicate, [small, any]}, {concat, [list]}, {join, [any, list]}, {keydelete, [any, small, pairs]}, {keystore, [any, small, pairs, tuple]},
         {merge, [list, list]}, {ukeysort, [small, pairs]}, {droplast, [list]}, {unzip, [pairs]}]] ++
    [{maps, F, T} || {F, T} <-
        [{get, [any, map]}, {get, [any, map, any]}, {put, [any, any, map]}, {remove, [any, map]}, {merge, [map, map]}, {keys, [map]},
         {values, [map]}, {to_list, [map]}, {from_list, [pairs]}, {from_keys, [list, any]}, {find, [any, map]}, {update, [any, any, map]},
         {take, [any, map]}, {with, [list, map]}, {without, [list, map]}, {size, [map]}, {is_key, [any, map]}]] ++
    [{binary, F, T} || {F, T} <-
        [{at, [binary, small]}, {part, [binary, small, small]}, {split, [binary, pattern]}, {split, [binary, pattern, split_options]},
         {match, [binary, pattern]}, {matches, [binary, pattern]}, {replace, [binary, pattern, binary]}, {copy, [binary, small]},
         {encode_unsigned, [integer]}, {encode_unsigned, [integer, endian]}, {decode_unsigned, [binary]}, {decode_unsigned, [binary, endian]},
         {first, [binary]}, {last, [binary]}, {longest_common_prefix, [list]}, {longest_common_suffix, [binaries]}, {longest_common_prefix, [binaries]},
         {bin_to_list, [binary, small, small]}, {encode_hex, [binary]}, {decode_hex, [binary]}, {list_to_bin, [iolist]}, {compile_pattern, [any]}]] ++
    [{unicode, F, T} || {F, T} <-
        [{characters_to_list, [chardata]}, {characters_to_list, [chardata, encoding]}, {characters_to_binary, [chardata]},
         {characters_to_binary, [chardata, encoding]}, {characters_to_binary, [chardata, encoding, encoding]}, {bom_to_encoding, [binary]},
         {characters_to_nfc_binary, [chardata]}, {characters_to_nfd_list, [chardata]}]] ++
    [{string, F, T} || {F, T} <-
        [{length, [chardata]}, {split, [text, text]}, {uppercase, [text]}, {lowercase, [chardata]}, {trim, [text]}, {find, [text, text]},
         {slice, [text, small]}, {reverse, [text]}, {to_integer, [digits]}, {to_float, [digits]}, {lexemes, [text, text]}, {pad, [text, small]},
         {titlecase, [text]}, {equal, [text, text]}, {casefold, [chardata]}, {next_grapheme, [chardata]}]] ++
    [{math, F, [number]} || F <- [sin, cos, tan, asin, acos, atan, sinh, cosh, tanh, exp, log, log2, log10, sqrt, ceil, floor, erf, erfc]] ++
    [{math, F, [number, number]} || F <- [pow, atan2, fmod]] ++
    [{re, run, [text, regex]}, {re, run, [text, regex, regex_options]}, {re, split, [text, regex]}, {re, replace, [text, regex, text]},
     {re, compile, [regex]}, {erl_scan, string, [text]}, {base64, encode, [binary]}, {base64, decode, [binary]},
     {io_lib, write, [any]}, {io_lib, print, [any]}, {io_lib, fread, [text, text]}, {io_lib, printable_list, [text]},
     {ordsets, from_list, [list]}, {proplists, get_value, [any, pairs]}, {dict, from_list, [pairs]}, {gb_trees, from_orddict, [pairs]},
     {zlib, compress, [iolist]}, {zlib, uncompress, [binary]}, {zlib, gzip, [iolist]}, {calendar, gregorian_days_to_date, [integer]},
     {filename, join, [text, text]}, {filename, split, [text]}, {uri_string, parse, [text]}, {erl_parse, parse_term, [list]},
     {erts_debug, flat_size, [any]}, {ets, new, [atom, list]}, {ets, lookup, [atom, any]}, {ets, info, [any]},
     {persistent_term, get, [any]}, {persistent_term, get, [any, any]}, {atomics, new, [small, list]}, {counters, new, [small, list]},
     {erl_internal, bif, [atom, small]}, {queue, from_list, [list]}, {array, from_list, [list]}].

remote(Module, Function, Args) -> {call, 0, {remote, 0, {atom, 0, Module}, {atom, 0, Function}}, Args}.

var(Name) -> {var, 0, Name}.

fresh(Prefix) ->
    N = put(fresh, get(fresh) + 1),
    list_to_atom(Prefix ++ integer_to_list(N)).

pick(List) -> lists:nth(rand:uniform(length(List)), List).
