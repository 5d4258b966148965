%% Small pieces to a raw file and back.
-module(io_file_raw).
-export([size/0, run/1, expected/1, ops/1]).

size() -> 50000.
ops(N) -> 2 * N.
expected(N) -> {N, N}.

run(N) ->
    Name = io_file:name(?MODULE),
    Written = io_file:write(Name, [raw, binary], N),
    Read = io_file:read(Name, [raw, binary]),
    ok = file:delete(Name),
    {Written, Read}.
