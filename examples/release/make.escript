#!/usr/bin/env escript
%% Makes the release in a folder: applications in lib, boot script and settings in releases/1.0. It stands for what
%% `rebar3 release` or `mix release` leave. Run it with `lintel escript make.escript FOLDER`, or with escript.

main([Folder]) ->
    Here = filename:dirname(filename:absname(escript:script_name())),
    Out = filename:absname(Folder),
    Ebin = filename:join(Out, "lib/greeter-1.0/ebin"),
    Release = filename:join(Out, "releases/1.0"),
    [ok = filelib:ensure_path(Dir) || Dir <- [Ebin, Release]],
    {ok, greeter} = compile:file(filename:join(Here, "greeter.erl"), [debug_info, {outdir, Ebin}]),
    copy("greeter.app", Here, Ebin),
    [copy(File, Here, Release) || File <- ["sys.config", "vm.args"]],
    Versions = [{Name, version(Name)} || Name <- [kernel, stdlib]] ++ [{greeter, "1.0"}],
    Erts = erlang:system_info(version),
    Rel = {release, {"greeter", "1.0"}, {erts, Erts}, Versions},
    ok = file:write_file(filename:join(Release, "greeter.rel"), io_lib:format("~tp.~n", [Rel])),
    %% Its applications are looked for in `$RELEASE_LIB`, which whoever boots it sets.
    ok = systools:make_script(filename:join(Release, "greeter"),
                              [no_warn_sasl, {path, [Ebin]}, {outdir, Release}, {script_name, "start"},
                               {variables, [{"RELEASE_LIB", filename:join(Out, "lib")}]}]),
    ok = file:write_file(filename:join(Out, "releases/start_erl.data"), [Erts, " 1.0\n"]);
main(_) ->
    io:format("usage: make.escript FOLDER~n"),
    halt(1).

copy(File, From, To) ->
    {ok, _} = file:copy(filename:join(From, File), filename:join(To, File)).

version(Name) ->
    _ = application:load(Name),
    {ok, Version} = application:get_key(Name, vsn),
    Version.
