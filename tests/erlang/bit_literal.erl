%% Literals in patterns of bit strings that are no whole bytes, at the start of a byte and within it.
-module(bit_literal).
-export([main/0]).

main() ->
    show(head(id(<<42:13, "x">>))),  %% expect: {head,<<"x">>}
    show(head(id(<<43:13, "x">>))),  %% expect: other
    show(whole(id(<<1:8, 5:4>>))),  %% expect: whole
    show(whole(id(<<1:8, 5:5>>))),  %% expect: other
    <<_:4, Rest/bits>> = id(<<3:4, 5:4, 7:4, 11:4>>),
    self() ! {part, Rest},
    show(receive {part, <<5:4, 7:4, 11:4>>} -> part after 0 -> other end).  %% expect: part

head(<<42:13, Rest/binary>>) -> {head, Rest};
head(_) -> other.

whole(<<1:8, 5:4>>) -> whole;
whole(_) -> other.

id(X) -> X.

show(X) -> io:format("~0p~n", [X]).
