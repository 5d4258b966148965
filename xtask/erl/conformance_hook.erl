%% The hook: says which case begins, in which group, and leaves out those that are done or not meant.
-module(conformance_hook).
-export([id/1, init/2, pre_init_per_testcase/4]).

id(_) -> ?MODULE.

init(_, {Skipped, Only}) -> {ok, {Skipped, Only}}.

pre_init_per_testcase(_Suite, Case, Config, {Skipped, Only} = State) ->
    Group = group(Config),
    Meant = string:find(atom_to_list(Case), Only) =/= nomatch,
    case Meant andalso not lists:member({Group, atom_to_list(Case)}, Skipped) of
        true ->
            conformance_run:tell("begin ~ts ~ts", [Group, Case]),
            {Config, State};
        false ->
            {{skip, "not meant in this run"}, State}
    end.

%% The path of groups, outermost first.
group(Config) ->
    Properties = proplists:get_value(tc_group_properties, Config, []),
    Outer = [name(Group) || Group <- proplists:get_value(tc_group_path, Config, [])],
    case [Name || Name <- lists:reverse(Outer) ++ [name(Properties)], Name =/= none] of
        [] -> "-";
        Names -> lists:flatten(lists:join(".", [atom_to_list(Name) || Name <- Names]))
    end.

name(Properties) -> proplists:get_value(name, Properties, none).
