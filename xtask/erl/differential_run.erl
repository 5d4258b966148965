%% Runs generated cases inside a VM and prints what each gives.
%%
%% `-extra File From`: File holds `{Modules, Cases}` in the external format, as `differential_gen` writes it; cases
%% before the index From are left out. The lines: `begin Id`, `result Id Text`, at the end `done`.
-module(differential_run).
-export([main/0, terms/2, table/2, text/1]).

%% The old hash must stay as it is, too.
-compile({nowarn_deprecated_function, {erlang, phash, 2}}).

-define(LIMIT, 10000).

main() ->
    [File, From] = init:get_plain_arguments(),
    io:setopts([{encoding, unicode}]),
    logger:set_primary_config(level, none),
    {ok, Binary} = file:read_file(File),
    {Modules, Cases} = binary_to_term(Binary),
    [{module, Name} = code:load_binary(Name, atom_to_list(Name), Beam) || {Name, Beam} <- Modules],
    First = list_to_integer(From),
    [run(Case) || {Id, _, _, _} = Case <- Cases, Id >= First],
    io:format("done~n"),
    halt(0, [{flush, true}]).

run({Id, Module, Function, Args}) ->
    io:format("begin ~w~n", [Id]),
    {Pid, Ref} = spawn_opt(fun() -> exit({result, text(outcome(Module, Function, Args))}) end,
                           [monitor, {max_heap_size, #{size => 20000000, kill => true, error_logger => false}}]),
    Text =
        receive
            {'DOWN', Ref, process, Pid, {result, Result}} -> Result;
            {'DOWN', Ref, process, Pid, killed} -> "resources";
            {'DOWN', Ref, process, Pid, Reason} -> text({down, Reason})
        after ?LIMIT ->
            exit(Pid, kill),
            "resources"
        end,
    io:format("result ~w ~ts~n", [Id, Text]).

outcome(Module, Function, Args) ->
    try
        {value, apply(Module, Function, Args)}
    catch
        Class:Reason:Stack -> {Class, Reason, frames(Stack)}
    end.

%% The frames of the case, without those of this module.
frames(Stack) -> [F || F <- lists:takewhile(fun(F) -> element(1, F) =/= ?MODULE end, Stack)].

%% One line. What differs from run to run (processes, references, ports) is taken out; long texts are cut and
%% end with a digest of the whole.
text(Term) ->
    Plain = plain(Term),
    Text = [case C of $\n -> 16#2424; _ -> C end || C <- lists:flatten(io_lib:format("~0tp", [Plain]))],
    case length(Text) > 1000 of
        true -> lists:sublist(Text, 1000) ++ io_lib:format("... ~w ~w", [length(Text), erlang:phash2(Plain)]);
        false -> Text
    end.

plain(Term) when is_pid(Term) -> '<pid>';
plain(Term) when is_reference(Term) -> '<reference>';
plain(Term) when is_port(Term) -> '<port>';
%% The last element is the library's own form of the pattern.
plain({re_pattern, Groups, Unicode, Newline, _}) -> {re_pattern, Groups, Unicode, Newline};
plain(Term) when is_tuple(Term) -> list_to_tuple(plain(tuple_to_list(Term)));
plain([Head | Tail]) -> [plain(Head) | plain(Tail)];
plain(Term) when is_map(Term), map_size(Term) > 32 -> {large_map, exactly_sorted(plain(maps:to_list(Term)))};
plain(Term) when is_map(Term) -> maps:from_list(plain(maps:to_list(Term)));
plain(Term) -> Term.

%% What can be asked of two terms.
terms(A, B) ->
    Bin = term_to_binary(A),
    [{compare, A < B, A =< B, A == B, A =:= B, A > B, A >= B},
     {order, lists:sort([B, A, {A, B}, [B | A]]), max(A, B), min(A, B)},
     {external, Bin, binary_to_term(Bin) =:= A, erlang:external_size(A), byte_size(term_to_binary(A, [compressed]))},
     {old, term_to_binary(B, [{minor_version, 0}]), erlang:external_size(B, [{minor_version, 1}])},
     {iovec, iolist_to_binary(term_to_iovec({A, B})) =:= term_to_binary({A, B})},
     {hash, erlang:phash2(A), erlang:phash2({A, B}, 1000), erlang:phash(A, 16#ffffff), erlang:md5(Bin)},
     {print, lists:flatten(io_lib:format("~p|~w|~tp|~0tw", [A, A, B, B]))},
     {depth, lists:flatten(io_lib:format("~P|~W", [A, 6, B, 4]))},
     {size, erts_debug:flat_size(A), erts_debug:size([A | A])},
     {copy, begin Self = self(), spawn(fun() -> Self ! {copied, A} end), receive {copied, C} -> C =:= A end end},
     {scan, parse(A)}].

%% The printed form, read back.
parse(Term) ->
    {ok, Tokens, _} = erl_scan:string(lists:flatten(io_lib:format("~w.", [Term]))),
    case erl_parse:parse_term(Tokens) of
        {ok, Read} -> Read =:= Term;
        {error, _} -> error
    end.

%% A match specification over rows, in a table of each type.
table(Rows, Spec) ->
    [begin
         Table = ets:new(table, [Type]),
         ets:insert(Table, Rows),
         Result = {Type, attempt(fun() -> sorted(Type, ets:select(Table, Spec)) end),
                   attempt(fun() -> ets:select_count(Table, Spec) end),
                   attempt(fun() -> ets:select_delete(Table, Spec) end),
                   sorted(Type, ets:tab2list(Table))},
         ets:delete(Table),
         Result
     end || Type <- [set, ordered_set, bag, duplicate_bag]] ++
        [attempt(fun() -> ets:test_ms(Row, Spec) end) || Row <- lists:sublist(Rows, 2)].

sorted(ordered_set, List) -> List;
sorted(_, List) -> exactly_sorted(List).

%% Terms that are equal without being the same have an order, too.
exactly_sorted(List) -> [Term || {_, _, Term} <- lists:sort([{Term, term_to_binary(Term), Term} || Term <- List])].

attempt(Fun) ->
    try Fun() catch Class:Reason -> {Class, Reason} end.
