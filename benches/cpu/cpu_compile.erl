%% A real program: OTP's compiler on a large module of OTP.
-module(cpu_compile).
-export([size/0, run/1, expected/1]).

size() -> "gen_server.erl".

run(Name) ->
    File = filename:join([code:lib_dir(stdlib), "src", Name]),
    Includes = [{i, filename:join(code:lib_dir(App), "include")} || App <- [stdlib, kernel]],
    {ok, gen_server, Beam} = compile:file(File, [binary, deterministic, no_debug_info | Includes]),
    {ok, {gen_server, [{exports, Exports}]}} = beam_lib:chunks(Beam, [exports]),
    {byte_size(Beam) > 10000, lists:member({call, 3}, Exports)}.

expected(_) -> {true, true}.
