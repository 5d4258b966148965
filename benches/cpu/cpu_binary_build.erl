%% Building binaries: appending, comprehensions, fields of odd sizes, UTF-8.
-module(cpu_binary_build).
-export([size/0, run/1, expected/1]).

size() -> 140.

run(N) -> run(N, none).

run(0, Last) -> Last;
run(N, _) ->
    Appended = append(20000, <<>>),
    Mixed = mixed(5000, <<>>),
    Source = binary:part(Appended, 0, 20000),
    Swapped = << <<B:8, A:8>> || <<A:8, B:8>> <= Source >>,
    Hex = << <<(hex(H)), (hex(L))>> || <<H:4, L:4>> <= Source >>,
    Text = << <<(I band 16#3fff)/utf8>> || I <- lists:seq(1, 10000) >>,
    run(N - 1, {erlang:crc32([Appended, Swapped, Hex, Text]), bit_size(Mixed), erlang:phash2(Mixed)}).

append(0, Bin) -> Bin;
append(N, Bin) -> append(N - 1, <<Bin/binary, N:32/little>>).

mixed(0, Bits) -> Bits;
mixed(N, Bits) -> mixed(N - 1, <<Bits/bitstring, N:7, (N * 1.5):64/float, -N:13/signed, (N rem 2):1>>).

hex(Digit) when Digit < 10 -> $0 + Digit;
hex(Digit) -> $a + Digit - 10.

expected(_) -> {2503939550, 5000 * 85, 76881945}.
