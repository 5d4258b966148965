%% 500 damaged copies of real modules, each loaded (none is run): every one is taken or refused, and the node lives.
%% (OTP 25.2.3 ends on one of them.)
-module(corrupt_modules).
-export([main/0]).

main() ->
    %% Each refusal is logged, too.
    logger:set_primary_config(level, none),
    rand:seed(exsss, 20),
    Modules = [array, base64, calendar, digraph, gb_sets, gb_trees, orddict, ordsets, pool, qlc, queue, rand, sofs,
               string, timer, uri_string, wrap_log_reader, zip, erl_tar, dets],
    Files = [begin {ok, Bytes} = file:read_file(code:which(M)), {M, plain(Bytes)} end || M <- Modules],
    Copies = [{M, damage(I rem 5, Bytes)} || {M, Bytes} <- Files, I <- lists:seq(1, 25)],
    show(length(Copies)),  %% expect: 500
    show(lists:usort([load(Copy) || {_, Copy} <- Copies])).  %% expect: [badfile,loaded]

%% The chunks of stdlib's modules are not compressed as a whole in every build of OTP.
plain(<<16#1f, 16#8b, _/binary>> = Bytes) -> zlib:gunzip(Bytes);
plain(Bytes) -> Bytes.

%% The loader checks the name first: each copy is loaded by the name that it says.
load(Copy) ->
    Name = case beam_lib:info(Copy) of
               Info when is_list(Info) -> proplists:get_value(module, Info, damaged);
               _ -> damaged
           end,
    Prepared = erlang:prepare_loading(Name, Copy),
    case Prepared of
        {error, Reason} -> Reason;
        Ref when is_reference(Ref) -> loaded
    end.

%% One byte, some bytes in a row, a byte missing, a part missing, the end missing.
damage(0, Bytes) -> set(place(Bytes), rand:uniform(256) - 1, Bytes);
damage(1, Bytes) -> lists:foldl(fun(_, B) -> set(place(B), rand:uniform(256) - 1, B) end, Bytes, lists:seq(1, 8));
damage(2, Bytes) -> cut(place(Bytes), 1, Bytes);
damage(3, Bytes) -> At = place(Bytes), cut(At, min(rand:uniform(64), byte_size(Bytes) - At), Bytes);
damage(4, Bytes) -> binary:part(Bytes, 0, place(Bytes)).

place(Bytes) -> rand:uniform(byte_size(Bytes)) - 1.

set(At, Byte, Bytes) ->
    <<Before:At/binary, _, Behind/binary>> = Bytes,
    <<Before/binary, Byte, Behind/binary>>.

cut(At, Count, Bytes) ->
    <<Before:At/binary, _:Count/binary, Behind/binary>> = Bytes,
    <<Before/binary, Behind/binary>>.

show(Term) -> io:format("~tp~n", [Term]).
