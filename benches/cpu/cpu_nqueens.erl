%% Search with lists and arithmetic: all ways to place N queens.
-module(cpu_nqueens).
-export([size/0, run/1, expected/1]).

size() -> 12.

run(N) -> queens(N, N, []).

queens(0, _, _) -> 1;
queens(Row, N, Placed) -> columns(N, Row, N, Placed, 0).

columns(0, _, _, _, Count) -> Count;
columns(Column, Row, N, Placed, Count) ->
    case safe(Column, 1, Placed) of
        true -> columns(Column - 1, Row, N, Placed, Count + queens(Row - 1, N, [Column | Placed]));
        false -> columns(Column - 1, Row, N, Placed, Count)
    end.

safe(_, _, []) -> true;
safe(Column, Distance, [Q | Qs]) ->
    Q =/= Column andalso Q =/= Column + Distance andalso Q =/= Column - Distance andalso
        safe(Column, Distance + 1, Qs).

expected(8) -> 92;
expected(9) -> 352;
expected(10) -> 724;
expected(11) -> 2680;
expected(12) -> 14200.
