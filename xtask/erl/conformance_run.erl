%% Runs one suite of OTP's with Common Test, and tells what happens in lines that begin with a mark.
%%
%% `-extra Dir Suite LogDir Skip Only Factor`: Skip is a file of terms `{Group, Case}.` that are not to run
%% again, or `tcp:Host:Port` where such a text can be had (from inside an image), Only a part of a case's name or "". The lines: `begin Group Case`, `end Case Outcome Reason`,
%% `skip Group Case Outcome Reason`, `config Function Outcome Reason`, `finished`.
-module(conformance_run).
-export([main/0, tell/2, outcome/1]).

main() ->
    [Dir, Suite, LogDir, Skip, Only, Factor] = init:get_plain_arguments(),
    ok = filelib:ensure_path(LogDir),
    Skipped = skipped(Skip),
    code:add_patha(Dir),
    Result = ct:run_test([{dir, Dir}, {suite, list_to_atom(Suite)}, {logdir, LogDir}, {auto_compile, false},
                          {multiply_timetraps, list_to_integer(Factor)},
                          {event_handler, [conformance_event]},
                          {ct_hooks, [{conformance_hook, {Skipped, Only}}]}]),
    case Result of
        {_, _, _} -> tell("finished", []);
        Other -> tell("trouble ~0tp", [Other])
    end,
    halt(0, [{flush, true}]).

skipped("tcp:" ++ Where) ->
    [Host, Port] = string:split(Where, ":"),
    {ok, Socket} = gen_tcp:connect(Host, list_to_integer(Port), [binary, {active, false}]),
    Text = received(Socket, []),
    ok = file:write_file("/tmp/skipped", Text),
    skipped("/tmp/skipped");
skipped(File) ->
    {ok, Terms} = file:consult(File),
    Terms.

received(Socket, Parts) ->
    case gen_tcp:recv(Socket, 0) of
        {ok, Part} -> received(Socket, [Part | Parts]);
        {error, closed} -> lists:reverse(Parts)
    end.

%% The mark makes the lines recognisable between what the suites print, even after an unfinished line.
tell(Format, Args) ->
    Text = lists:flatten(io_lib:format(Format, Args)),
    io:put_chars(user, ["\n@@lintel ", [case C of $\n -> $\s; _ -> C end || C <- Text], $\n]).

outcome(ok) -> {"ok", ""};
outcome({ok, _}) -> {"ok", ""};
outcome({skipped, Reason}) -> {"skipped", Reason};
outcome({auto_skipped, Reason}) -> {"auto_skipped", Reason};
outcome({timetrap_timeout, _} = Reason) -> {"timeout", Reason};
outcome({failed, {timetrap_timeout, _} = Reason}) -> {"timeout", Reason};
outcome({failed, {_, {timetrap_timeout, _}} = Reason}) -> {"timeout", Reason};
outcome({failed, Reason}) -> {"failed", Reason};
outcome(Other) -> {"failed", Other}.
