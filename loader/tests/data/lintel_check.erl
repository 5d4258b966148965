%% For the test `run` on the stock VM: prints what here a BIF takes note of.
-module(lintel_check).
-export([result/1]).

result(Results) -> [io:put_chars([text(Result), $\n]) || Result <- Results], halt().

%% As the test writes terms.
text(X) when is_integer(X) -> integer_to_list(X);
text(X) when is_float(X) -> <<B:64>> = <<X:64/float>>, ["float(", integer_to_list(B), ")"];
text(X) when is_atom(X) -> ["'", atom_to_list(X), "'"];
text([]) -> "[]";
text([H | T]) -> ["[", text(H), list(T)];
text(X) when is_tuple(X) -> ["{", lists:join(",", [text(E) || E <- tuple_to_list(X)]), "}"];
text(X) when is_bitstring(X) ->
    P = (8 - bit_size(X) rem 8) rem 8, B = <<X/bits, 0:P>>,
    ["bits(", integer_to_list(bit_size(X)), ",[", lists:join(", ", [integer_to_list(Y) || <<Y>> <= B]), "])"];
text(X) when is_map(X) -> ["map(", integer_to_list(map_size(X)), ")"];
text(X) when is_pid(X) -> "pid";
text(X) when is_function(X) -> "fun".
list([]) -> "]";
list([H | T]) -> [",", text(H), list(T)];
list(T) -> ["|", text(T), "]"].
