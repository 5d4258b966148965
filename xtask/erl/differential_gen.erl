%% Makes cases for the comparison of two VMs, makes them smaller, and writes one as a program.
%%
%% A case is `{Id, Variables, Body}`: terms bound to names, and expressions (abstract format) that use them. Cases
%% are compiled in batches here, on the stock VM, so that both VMs run the same bytes. The terms are passed as
%% arguments, so that the compiler cannot compute the result.
%%
%%     -extra cases Seed First Count Source Run      new cases
%%     -extra shrink Source Id Source2 Run2          smaller forms of one case
%%     -extra program Source Id Name File            a case as a test program, without its expectation
-module(differential_gen).
-export([main/0]).

-define(BATCH, 100).

main() ->
    case init:get_plain_arguments() of
        ["cases", Seed, First, Count, Source, Run] ->
            From = list_to_integer(First),
            Ids = lists:seq(From, From + list_to_integer(Count) - 1),
            save([differential_cases:make(list_to_integer(Seed), Id) || Id <- Ids], Source, Run);
        ["shrink", Source, Id, Source2, Run2] ->
            save(differential_shrink:candidates(find(Source, Id)), Source2, Run2);
        ["program", Source, Id, Name, File] ->
            ok = file:write_file(File, unicode:characters_to_binary(program(find(Source, Id), Name)))
    end,
    halt(0).

find(Source, Id) ->
    {ok, Binary} = file:read_file(Source),
    lists:keyfind(list_to_integer(Id), 1, binary_to_term(Binary)).

save(Cases, Source, Run) ->
    Batches = batches(Cases, 1),
    ok = file:write_file(Source, term_to_binary([Case || {_, _, Kept} <- Batches, Case <- Kept], [compressed])),
    Calls = [{Id, Module, name(Id), [Term || {_, Term} <- Variables]}
             || {Module, _, Kept} <- Batches, {Id, Variables, _} <- Kept],
    Modules = [{Module, Beam} || {Module, Beam, _} <- Batches],
    ok = file:write_file(Run, term_to_binary({Modules, Calls}, [compressed])),
    io:format("~w~n", [length(Calls)]).

batches([], _) -> [];
batches(Cases, N) ->
    {Batch, Rest} = lists:split(min(?BATCH, length(Cases)), Cases),
    Module = list_to_atom("differential_case_" ++ integer_to_list(N)),
    case build(Module, Batch) of
        none -> batches(Rest, N + 1);
        {Beam, Kept} -> [{Module, Beam, Kept} | batches(Rest, N + 1)]
    end.

%% A case that does not compile is dropped: every form of a case has its id as line.
build(_, []) -> none;
build(Module, Cases) ->
    case compile:forms(forms(Module, Cases), [return_errors, binary]) of
        {ok, Module, Beam} ->
            {Beam, Cases};
        {error, Errors, _} ->
            Bad = lists:usort([line(Where) || {_, Infos} <- Errors, {Where, _, _} <- Infos]),
            Kept = [Case || {Id, _, _} = Case <- Cases, not lists:member(Id, Bad)],
            case length(Kept) < length(Cases) of
                true -> build(Module, Kept);
                %% An error that names no case: one by one.
                false when length(Cases) > 1 ->
                    build(Module, [Case || Case <- Cases, build(Module, [Case]) =/= none]);
                false -> none
            end
    end.

line({Line, _}) -> Line;
line(Line) -> Line.

forms(Module, Cases) ->
    [{attribute, 0, file, {atom_to_list(Module) ++ ".erl", 0}},
     {attribute, 0, module, Module},
     {attribute, 0, compile, nowarn_unused_vars},
     {attribute, 0, export, [{name(Id), length(Variables)} || {Id, Variables, _} <- Cases]} |
     [function(name(Id), Id, Variables, Body) || {Id, Variables, Body} <- Cases]].

function(Name, Line, Variables, Body) ->
    Lined = erl_parse:map_anno(fun(_) -> erl_anno:new(Line) end, Body),
    {function, Line, Name, length(Variables), [{clause, Line, [{var, Line, V} || {V, _} <- Variables], [], Lined}]}.

name(Id) -> list_to_atom("case_" ++ integer_to_list(Id)).

program({Id, Variables, Body}, Name) ->
    Function = erl_pp:form(function('case', Id, Variables, Body), [{encoding, unicode}]),
    Terms = lists:join(",\n         ", [io_lib:format("~tw", [Term]) || {_, Term} <- Variables]),
    ["%% Found by the comparison with the stock VM.\n-module(", Name, ").\n-export([main/0]).\n\n",
     "main() ->\n    Args =\n        [", Terms, "],\n",
     "    io:format(\"~0tp~n\", [outcome(Args)]).\n\n",
     "outcome(Args) ->\n    try\n        {value, apply(fun 'case'/", integer_to_list(length(Variables)), ", Args)}\n",
     "    catch\n        Class:Reason:Stack ->\n",
     "            {Class, Reason, [F || F <- lists:takewhile(fun(F) -> element(2, F) =/= outcome end, Stack)]}\n    end.\n\n",
     Function].
