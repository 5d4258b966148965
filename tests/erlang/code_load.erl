%% Code loading: a module made at run time, replaced, its old code purged, on_load, and bad files.
-module(code_load).
-export([main/0]).

main() ->
    logger:set_primary_config(level, none),
    show(code:load_binary(made, "made.erl", module("version() -> 1. loop() -> receive {F, v} -> F ! version(), loop(); {F, new} -> F ! ok, made:loop() end."))),  %% expect: {module,made}
    show(made:version()),  %% expect: 1
    Pid = spawn(made, loop, []),
    show(ask(Pid, v)),  %% expect: 1
    {module, made} = code:load_binary(made, "made.erl", module("version() -> 2. loop() -> receive {F, v} -> F ! version(), loop(); {F, new} -> F ! ok, made:loop() end.")),
    show({made:version(), ask(Pid, v)}),  %% expect: {2,1}
    show(erlang:check_process_code(Pid, made)),  %% expect: true
    show(code:soft_purge(made)),  %% expect: false
    show({ask(Pid, new), ask(Pid, v)}),  %% expect: {ok,2}
    show({code:soft_purge(made), erlang:check_old_code(made)}),  %% expect: {true,false}
    {module, made} = code:load_binary(made, "made.erl", module("version() -> 3. loop() -> stop.")),
    Ref = monitor(process, Pid),
    show(code:purge(made)),  %% expect: true
    show(receive {'DOWN', Ref, process, Pid, Reason} -> Reason after 1000 -> alive end),  %% expect: killed
    show({made:version(), code:is_loaded(made)}),  %% expect: {3,{file,"made.erl"}}
    Fun = make_fun(),
    show(code:delete(made)),  %% expect: true
    show(Fun),  %% expect: {fun made:version/0}
    show(erlang:load_module(bad, <<"not a beam file">>)),  %% expect: {error,badfile}
    show(code:load_binary(other_name, "x", module("version() -> 0. loop() -> 0."))),  %% expect: {error,badfile}
    show(on_load("ok")),  %% expect: {{module,loader},ran}
    show(on_load("{no, thanks}")),  %% expect: {{error,on_load_failure},ran}
    show(erlang:module_loaded(lists)),  %% expect: true
    show({erlang:function_exported(lists, map, 2), erlang:function_exported(lists, nope, 2)}),  %% expect: {true,false}
    show(lists:keyfind(version, 1, made2())),  %% expect: {version,true}
    show(code:which(lists) =/= non_existing).  %% expect: true

module(Text) -> module(made, "-export([version/0, loop/0]).", Text).

module(Name, Attributes, Text) ->
    {ok, Name, Binary} = compile:forms(forms(lists:flatten(io_lib:format("-module(~w). ~s ~s", [Name, Attributes, Text])))),
    Binary.

forms(Text) ->
    {ok, Tokens, _} = erl_scan:string(Text),
    parse(Tokens, []).

parse([], Forms) -> lists:reverse(Forms);
parse(Tokens, Forms) ->
    {Form, [Dot | Rest]} = lists:splitwith(fun(T) -> element(1, T) =/= dot end, Tokens),
    {ok, Parsed} = erl_parse:parse_form(Form ++ [Dot]),
    parse(Rest, [Parsed | Forms]).

ask(Pid, What) ->
    Pid ! {self(), What},
    receive Answer -> Answer after 1000 -> none end.

make_fun() -> {fun made:version/0}.

on_load(Result) ->
    Binary = module(loader, "-export([f/0]). -on_load(init/0).", "init() -> " ++ Result ++ ". f() -> ran."),
    Loaded = code:load_binary(loader, "loader.erl", Binary),
    {Loaded, try loader:f() catch error:undef -> undef end}.

made2() -> [{version, proplists:is_defined(vsn, ?MODULE:module_info(attributes))}].

show(Term) -> io:format("~0tp~n", [Term]).
