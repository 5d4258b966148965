%% What the workloads with files have in common. On its own: small pieces to a file and back through a process.
-module(io_file).
-export([size/0, run/1, expected/1, ops/1, name/1, write/3, read/2]).

size() -> 10000.
ops(N) -> 2 * N.
expected(N) -> {N, N}.

run(N) ->
    Name = name(?MODULE),
    Written = write(Name, [binary], N),
    Read = read(Name, [binary]),
    ok = file:delete(Name),
    {Written, Read}.

name(Module) ->
    filename:join("/tmp", lists:concat([Module, "-", os:getpid()])).

%% Pieces of 100 bytes.
write(Name, Modes, N) ->
    {ok, File} = file:open(Name, [write | Modes]),
    Count = write_pieces(File, binary:copy(<<"x">>, 100), N, 0),
    ok = file:close(File),
    Count.

write_pieces(_, _, 0, Count) -> Count;
write_pieces(File, Piece, N, Count) ->
    ok = file:write(File, Piece),
    write_pieces(File, Piece, N - 1, Count + 1).

read(Name, Modes) ->
    {ok, File} = file:open(Name, [read | Modes]),
    Count = read_pieces(File, 0),
    ok = file:close(File),
    Count.

read_pieces(File, Count) ->
    case file:read(File, 100) of
        {ok, <<_:100/binary>>} -> read_pieces(File, Count + 1);
        eof -> Count
    end.
