%% Floats: the number of points of a grid that stay in the Mandelbrot set.
-module(cpu_mandelbrot).
-export([size/0, run/1, expected/1]).

-define(LIMIT, 50).

size() -> 500.

run(N) -> rows(N, N, 0).

rows(0, _, Count) -> Count;
rows(Y, N, Count) -> rows(Y - 1, N, columns(N, Y, N, Count)).

columns(0, _, _, Count) -> Count;
columns(X, Y, N, Count) ->
    Cr = 2.0 * X / N - 1.5,
    Ci = 2.0 * Y / N - 1.0,
    columns(X - 1, Y, N, Count + point(Cr, Ci, 0.0, 0.0, ?LIMIT)).

point(_, _, _, _, 0) -> 1;
point(Cr, Ci, Zr, Zi, Left) ->
    Zr2 = Zr * Zr,
    Zi2 = Zi * Zi,
    if
        Zr2 + Zi2 > 4.0 -> 0;
        true -> point(Cr, Ci, Zr2 - Zi2 + Cr, 2.0 * Zr * Zi + Ci, Left - 1)
    end.

%% Counted by an implementation in C.
expected(500) -> 99377.
