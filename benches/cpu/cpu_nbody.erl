%% Floats in tuples: five bodies that attract each other.
-module(cpu_nbody).
-export([size/0, run/1, expected/1]).

-define(DAYS, 365.24).
-define(SOLAR, 39.47841760435743).

size() -> 60000.

run(Steps) ->
    Bodies = offset(bodies()),
    round(energy(advance(Steps, Bodies)) * 1.0e9).

bodies() ->
    [{0.0, 0.0, 0.0, 0.0, 0.0, 0.0, ?SOLAR},
     {4.84143144246472090, -1.16032004402742839, -1.03622044471123109e-1,
      1.66007664274403694e-3 * ?DAYS, 7.69901118419740425e-3 * ?DAYS, -6.90460016972063023e-5 * ?DAYS,
      9.54791938424326609e-4 * ?SOLAR},
     {8.34336671824457987, 4.12479856412430479, -4.03523417114321381e-1,
      -2.76742510726411880e-3 * ?DAYS, 4.99852801234917238e-3 * ?DAYS, 2.30417297573763929e-5 * ?DAYS,
      2.85885980666130812e-4 * ?SOLAR},
     {12.8943695621391310, -15.1111514016986312, -2.23307578892655734e-1,
      2.96460137564761618e-3 * ?DAYS, 2.37847173959480950e-3 * ?DAYS, -2.96589568540237556e-5 * ?DAYS,
      4.36624404335156298e-5 * ?SOLAR},
     {15.3796971148509165, -25.9193146099879641, 1.79258772950371181e-1,
      2.68067772490389322e-3 * ?DAYS, 1.62824170038242295e-3 * ?DAYS, -9.51592254519715870e-5 * ?DAYS,
      5.15138902046611451e-5 * ?SOLAR}].

offset([{X, Y, Z, _, _, _, M} | Planets]) ->
    {Px, Py, Pz} = lists:foldl(
        fun({_, _, _, Vx, Vy, Vz, Mass}, {Ax, Ay, Az}) -> {Ax + Vx * Mass, Ay + Vy * Mass, Az + Vz * Mass} end,
        {0.0, 0.0, 0.0}, Planets),
    [{X, Y, Z, -Px / ?SOLAR, -Py / ?SOLAR, -Pz / ?SOLAR, M} | Planets].

advance(0, Bodies) -> Bodies;
advance(N, Bodies) -> advance(N - 1, [move(B) || B <- pull(Bodies)]).

move({X, Y, Z, Vx, Vy, Vz, M}) ->
    {X + 0.01 * Vx, Y + 0.01 * Vy, Z + 0.01 * Vz, Vx, Vy, Vz, M}.

pull([]) -> [];
pull([Body | Rest]) ->
    {Pulled, Others} = pull(Body, Rest, []),
    [Pulled | pull(Others)].

pull(Body, [], Done) -> {Body, lists:reverse(Done)};
pull({X1, Y1, Z1, Vx1, Vy1, Vz1, M1}, [{X2, Y2, Z2, Vx2, Vy2, Vz2, M2} | Rest], Done) ->
    Dx = X1 - X2,
    Dy = Y1 - Y2,
    Dz = Z1 - Z2,
    D2 = Dx * Dx + Dy * Dy + Dz * Dz,
    Mag = 0.01 / (D2 * math:sqrt(D2)),
    A = M2 * Mag,
    B = M1 * Mag,
    pull({X1, Y1, Z1, Vx1 - Dx * A, Vy1 - Dy * A, Vz1 - Dz * A, M1}, Rest,
         [{X2, Y2, Z2, Vx2 + Dx * B, Vy2 + Dy * B, Vz2 + Dz * B, M2} | Done]).

energy([]) -> 0.0;
energy([{X, Y, Z, Vx, Vy, Vz, M} | Rest]) ->
    Kinetic = 0.5 * M * (Vx * Vx + Vy * Vy + Vz * Vz),
    Potential = lists:foldl(
        fun({X2, Y2, Z2, _, _, _, M2}, Sum) ->
            Dx = X - X2,
            Dy = Y - Y2,
            Dz = Z - Z2,
            Sum + M * M2 / math:sqrt(Dx * Dx + Dy * Dy + Dz * Dz)
        end, 0.0, Rest),
    Kinetic - Potential + energy(Rest).

%% Computed with doubles by another implementation.
expected(60000) -> -169014744.
