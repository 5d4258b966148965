%% Matching binaries: lines of text, frames with lengths, UTF-8 and odd bit sizes.
-module(cpu_binary_parse).
-export([size/0, run/1, expected/1]).

size() -> 600.

run(N) ->
    Text = binary:copy(<<"GET /index.html?key=value HTTP/1.1\r\nHost: example.org\r\nContent-Length: 1234\r\n">>, 300),
    Frames = << <<(I rem 50):16, 0:(I rem 50)/unit:8, I:32>> || I <- lists:seq(1, 3000) >>,
    Utf8 = unicode:characters_to_binary(lists:duplicate(200, "grüße, 世界, 😀 and some plain text")),
    Bits = << <<I:5, (I * 3):11, 1:1>> || I <- lists:seq(1, 5000) >>,
    loop(N, Text, Frames, Utf8, Bits, {0, 0, 0, 0}).

loop(0, _, _, _, _, Sums) -> Sums;
loop(N, Text, Frames, Utf8, Bits, _) ->
    loop(N - 1, Text, Frames, Utf8, Bits,
         {lines(Text, 0), frames(Frames, 0), points(Utf8, 0), bits(Bits, 0)}).

lines(<<>>, Count) -> Count;
lines(<<"Content-Length: ", Rest/binary>>, Count) -> number(Rest, 0, Count);
lines(<<"\r\n", Rest/binary>>, Count) -> lines(Rest, Count + 1);
lines(<<_, Rest/binary>>, Count) -> lines(Rest, Count).

number(<<D, Rest/binary>>, N, Count) when D >= $0, D =< $9 -> number(Rest, N * 10 + D - $0, Count);
number(<<Rest/binary>>, N, Count) -> lines(Rest, Count + N).

frames(<<>>, Sum) -> Sum;
frames(<<Size:16, Body:Size/binary, Tail:32, Rest/binary>>, Sum) ->
    frames(Rest, Sum + byte_size(Body) + Tail).

points(<<>>, Sum) -> Sum;
points(<<Point/utf8, Rest/binary>>, Sum) -> points(Rest, (Sum + Point) band 16#ffffff).

bits(<<A:5, B:11/signed, 1:1, Rest/bitstring>>, Sum) -> bits(Rest, Sum + A - B);
bits(<<>>, Sum) -> Sum.

expected(_) ->
    Point = lists:sum("grüße, 世界, 😀 and some plain text") * 200 band 16#ffffff,
    Signed = fun(X) when X >= 1024 -> X - 2048; (X) -> X end,
    {300 * (1234 + 3),
     lists:sum([I rem 50 + I || I <- lists:seq(1, 3000)]),
     Point,
     lists:sum([I rem 32 - Signed(I * 3 band 2047) || I <- lists:seq(1, 5000)])}.
