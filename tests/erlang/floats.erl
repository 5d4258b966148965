%% Floats: printing, conversion, limits, arithmetic, the module math.
-module(floats).
-export([main/0]).

main() ->
    show([1.0, -0.0, 0.1, 1.0e22, 1.0e23, 123456789.125, 1.0e-7, 5.0e-324, 1.7976931348623157e308]),  %% expect: [1.0,-0.0,0.1,1.0e22,1.0e23,123456789.125,1.0e-7,5.0e-324,1.7976931348623157e308]
    show([0.1 + 0.2, 1 / 3, 2 / 3, 100.0, 1.0e15, 1.0e16, 12345.678e-10]),  %% expect: [0.30000000000000004,0.3333333333333333,0.6666666666666666,100.0,1.0e15,1.0e16,1.2345678e-6]
    show(float_to_list(3.14159)),  %% expect: "3.14158999999999988262e+00"
    show(float_to_list(3.14159, [{decimals, 3}])),  %% expect: "3.142"
    show(float_to_list(-0.5, [{decimals, 0}])),  %% expect: "-1"
    show(float_to_list(1.0e10, [{decimals, 4}, compact])),  %% expect: "10000000000.0"
    show(float_to_binary(12.5, [{scientific, 3}])),  %% expect: <<"1.250e+01">>
    show(float_to_list(0.1, [short])),  %% expect: "0.1"
    show([list_to_float(S) || S <- ["1.5", "-1.0e-5", "1.0E+3"]]),  %% expect: [1.5,-1.0e-5,1.0e3]
    show(caught(fun() -> list_to_float("1") end)),  %% expect: {error,badarg}
    show(caught(fun() -> list_to_float("1.0e400") end)),  %% expect: {error,badarg}
    show([trunc(-1.9), round(2.5), round(-2.5), floor(-1.1), ceil(-1.1), trunc(1.0e20)]),  %% expect: [-1,3,-3,-2,-1,100000000000000000000]
    show([float(1 bsl 62), float((1 bsl 53) + 1), float(-(1 bsl 100))]),  %% expect: [4.611686018427388e18,9.007199254740992e15,-1.2676506002282294e30]
    show(caught(fun() -> float(1 bsl 2000) end)),  %% expect: {error,badarg}
    show(caught(fun() -> id(1.0e308) * 10 end)),  %% expect: {error,badarith}
    show(caught(fun() -> id(1.0) / 0.0 end)),  %% expect: {error,badarith}
    show([1 == 1.0, 1 =:= 1.0, 0.0 == -0.0, 9007199254740993 == 9007199254740992.0, 1 bsl 53 < 9007199254740994.0]),  %% expect: [true,false,true,false,true]
    show([math:sqrt(2), math:pi(), math:sin(1), math:exp(1), math:log2(8), math:pow(2, 0.5), math:atan2(-1, -1), math:fmod(7, 3)]),  %% expect: [1.4142135623730951,3.141592653589793,0.8414709848078965,2.718281828459045,3.0,1.4142135623730951,-2.356194490192345,1.0]
    show(caught(fun() -> math:sqrt(-1) end)),  %% expect: {error,badarith}
    show(caught(fun() -> math:log(0) end)),  %% expect: {error,badarith}
    io:format("~f ~.2f ~e ~.3e ~g ~w~n", [1.5, 2.005, 12345.678, 0.00012, 1.0e-10, 1.0e5]),  %% expect: 1.500000 2.00 1.23457e+4 1.20e-4 1.00000e-10 1.0e5
    show([-0.0 =:= 0.0, <<-0.0/float>> =:= <<0.0/float>>]),  %% expect: [true,false]
    show(abs(-1.5) + min(1, 1.0) + max(2.0, 2)).  %% expect: 4.5

id(X) -> X.

show(Term) -> io:format("~0tp~n", [Term]).

caught(Fun) ->
    try Fun() of
        Value -> {value, Value}
    catch
        Class:Reason -> {Class, Reason}
    end.
