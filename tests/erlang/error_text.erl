%% The texts that OTP derives from error_info for BIFs and library functions.
-module(error_text).
-export([main/0]).

main() ->
    show(text(fun() -> atom_to_list(id(1)) end)),  %% expect: {badarg,#{1 => <<"not an atom">>}}
    show(text(fun() -> element(id(5), {a}) end)),  %% expect: {badarg,#{1 => <<"out of range">>}}
    show(text(fun() -> lists:keyfind(a, id(0), []) end)),  %% expect: {badarg,#{2 => <<"out of range">>}}
    show(text(fun() -> binary:part(<<"abc">>, id({2, 9})) end)),  %% expect: {badarg,#{2 => <<"out of range">>}}
    show(text(fun() -> ets:lookup(id(no_such_table), 1) end)),  %% expect: {badarg,#{1 => <<"the table identifier does not refer to an existing ETS table">>}}
    show(text(fun() -> maps:get(a, id(b)) end)),  %% expect: {{badmap,b},#{2 => <<"not a map">>}}
    show(text(fun() -> maps:get(a, id(#{})) end)),  %% expect: {{badkey,a},#{1 => <<"not present in map">>}}
    show(text(fun() -> list_to_integer(id("x")) end)),  %% expect: {badarg,#{1 => [<<"not a textual representation of ">>,<<"an integer">>]}}
    show(text(fun() -> io:put_chars(id(a)) end)),  %% expect: {badarg,#{1 => <<"not valid character data (an iodata term)">>}}
    show(text(fun() -> register(id(undefined), self()) end)),  %% expect: {badarg,#{1 => <<"'undefined' is not a valid name">>}}
    show(text(fun() -> erlang:send_after(id(-1), self(), x) end)),  %% expect: {badarg,#{1 => <<"out of range">>}}
    show(text(fun() -> persistent_term:get(id({no, such, key})) end)),  %% expect: {badarg,#{1 => <<"no persistent term stored with this key">>}}
    show(text(fun() -> monitor(process, id("x")) end)),  %% expect: {badarg,#{2 => <<"not a pid">>}}
    show(text(fun() -> spawn(id(a), b, c) end)).  %% expect: {badarg,#{3 => <<"not a list">>}}

text(Fun) ->
    try
        Fun()
    catch
        error:Reason:Stack ->
            [{_, _, _, Info} = Frame | Rest] = Stack,
            Given = proplists:get_value(error_info, Info, #{}),
            Module = maps:get(module, Given, element(1, Frame)),
            Function = maps:get(function, Given, format_error),
            {Reason, try Module:Function(Reason, [Frame | Rest]) catch error:undef -> no_text end}
    end.

id(X) -> X.

show(Term) -> io:format("~0tp~n", [Term]).
