%% Found by the comparison with the stock VM.
-module(unary_plus).
-export([main/0]).

main() ->
    Args =
        [0,
         []],
    io:format("~0tp~n", [outcome(Args)]).

outcome(Args) ->
    try
        {value, apply(fun 'case'/2, Args)}
    catch
        Class:Reason:Stack ->
            {Class, Reason, [F || F <- lists:takewhile(fun(F) -> element(2, F) =/= outcome end, Stack)]}
    end.

'case'(A, B) ->
    << 
      [] ||
          <<>> <= +[]
    >>.

%% expect: {error,badarith,[{erlang,'+',[[],0],[{error_info,#{module => erl_erts_errors}}]},{unary_plus,'case',2,[{file,"unary_plus.erl"},{line,22}]}]}
