%% Compiles modules of OTP inside the VM that runs this.
%%
%% `Options... -extra List`: List is a file of Erlang terms, `{File, OutDir, Options}.` each. Prints a line for
%% each module: `begin File`, then `ok File` or `error File Reason`.
-module(compile_otp).
-export([main/0]).

main() ->
    [List] = init:get_plain_arguments(),
    {ok, Jobs} = file:consult(List),
    lists:foreach(fun compile/1, Jobs),
    io:format("done~n"),
    halt(0).

compile({File, OutDir, Options}) ->
    io:format("begin ~ts~n", [File]),
    %% The beam file holds the options; the same relative folder makes both VMs' files equal.
    ok = file:set_cwd(OutDir),
    case compile:file(File, [return_errors, {outdir, "."} | Options]) of
        {ok, _} -> io:format("ok ~ts~n", [File]);
        Error -> io:format("error ~ts ~0tp~n", [File, Error])
    end.
