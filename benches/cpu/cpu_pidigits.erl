%% Big integers: the first N digits of pi by Gibbons' spigot.
-module(cpu_pidigits).
-export([size/0, run/1, expected/1]).

size() -> 2200.

run(N) -> erlang:phash2(digits(N, {1, 0, 1}, 1, [])).

digits(0, _, _, Digits) -> lists:reverse(Digits);
digits(N, Z, K, Digits) ->
    Y = extract(Z, 3),
    case extract(Z, 4) of
        Y -> digits(N - 1, compose({10, -10 * Y, 1}, Z), K, [Y | Digits]);
        _ -> digits(N, compose_right(Z, {K, 4 * K + 2, 2 * K + 1}), K + 1, Digits)
    end.

extract({Q, R, T}, X) -> (Q * X + R) div T.

compose({Q1, R1, T1}, {Q2, R2, T2}) -> {Q1 * Q2, Q1 * R2 + R1 * T2, T1 * T2}.

compose_right({Q1, R1, T1}, {Q2, R2, T2}) -> {Q1 * Q2, Q1 * R2 + R1 * T2, T1 * T2}.

%% The same digits by Machin's formula.
expected(N) ->
    One = power(10, N + 20),
    Pi = 4 * (4 * arctan(5, One) - arctan(239, One)),
    Text = integer_to_list(Pi div power(10, 21)),
    erlang:phash2([C - $0 || C <- Text]).

arctan(X, One) -> arctan(One div X, X * X, 1, 1, 0).

arctan(0, _, _, _, Sum) -> Sum;
arctan(Power, X2, N, Sign, Sum) -> arctan(Power div X2, X2, N + 2, -Sign, Sum + Sign * (Power div N)).

power(_, 0) -> 1;
power(B, N) when N rem 2 =:= 0 -> power(B * B, N div 2);
power(B, N) -> B * power(B, N - 1).
