%% Small pieces to a raw file and back, gathered by delayed_write and read_ahead.
-module(io_file_buffered).
-export([size/0, run/1, expected/1, ops/1]).

size() -> 100000.
ops(N) -> 2 * N.
expected(N) -> {N, N}.

run(N) ->
    Name = io_file:name(?MODULE),
    Written = io_file:write(Name, [raw, binary, delayed_write], N),
    Read = io_file:read(Name, [raw, binary, read_ahead]),
    ok = file:delete(Name),
    {Written, Read}.
