%% A megabyte written and read at once.
-module(io_file_whole).
-export([size/0, run/1, expected/1, ops/1]).

size() -> 200.
ops(N) -> N.
expected(N) -> N.

run(N) ->
    Name = io_file:name(?MODULE),
    Count = files(Name, binary:copy(<<"0123456789abcdef">>, 65536), N, 0),
    ok = file:delete(Name),
    Count.

files(_, _, 0, Count) -> Count;
files(Name, Data, N, Count) ->
    ok = file:write_file(Name, Data),
    {ok, Data} = file:read_file(Name),
    files(Name, Data, N - 1, Count + 1).
