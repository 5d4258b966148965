%% zlib: streams in pieces, formats, dictionaries, parameters, ends, owners and errors.
-module(zlib_streams).
-export([main/0]).
-compile(nowarn_deprecated_function).

main() ->
    Data = list_to_binary([<<"line ", (integer_to_binary(N))/binary, $\n>> || N <- lists:seq(1, 3000)]),
    show([erlang:md5(F(Data)) || F <- [fun zlib:compress/1, fun zlib:zip/1, fun zlib:gzip/1]]),  %% expect: [<<228,136,19,151,180,132,110,210,215,216,187,151,173,91,197,254>>,<<137,242,54,81,49,91,249,81,242,48,86,163,78,75,82,89>>,<<179,59,30,64,146,187,96,174,4,47,238,220,141,199,33,152>>]
    show([D(C(Data)) =:= Data || {C, D} <- [{fun zlib:compress/1, fun zlib:uncompress/1}, {fun zlib:zip/1, fun zlib:unzip/1}, {fun zlib:gzip/1, fun zlib:gunzip/1}]]),  %% expect: [true,true,true]
    pieces(Data),
    dictionaries(),
    ends(Data),
    owners(),
    errors().

pieces(Data) ->
    Z = zlib:open(),
    ok = zlib:deflateInit(Z, best_compression, deflated, -12, 5, filtered),
    First = zlib:deflate(Z, binary:part(Data, 0, 10000), full),
    ok = zlib:deflateParams(Z, best_speed, default),
    Rest = zlib:deflate(Z, [binary:part(Data, 10000, byte_size(Data) - 10000)], finish),
    show(zlib:crc32(Z) =:= erlang:crc32(Data)),  %% expect: true
    ok = zlib:deflateEnd(Z),
    Packed = iolist_to_binary([First, Rest]),
    show(erlang:md5(Packed)),  %% expect: <<142,46,30,5,217,191,191,160,51,143,195,88,23,70,36,208>>
    ok = zlib:inflateInit(Z, -12),
    Whole = [zlib:inflate(Z, <<B>>) || <<B>> <= Packed],
    show(iolist_to_binary(Whole) =:= Data),  %% expect: true
    ok = zlib:inflateEnd(Z),
    ok = zlib:inflateInit(Z, -12),
    show(iolist_to_binary(safely(Z, zlib:safeInflate(Z, Packed))) =:= Data),  %% expect: true
    ok = zlib:close(Z).

safely(Z, {continue, Part}) -> [Part | safely(Z, zlib:safeInflate(Z, []))];
safely(_, {finished, Part}) -> [Part].

dictionaries() ->
    Z = zlib:open(),
    ok = zlib:deflateInit(Z),
    Id = zlib:deflateSetDictionary(Z, <<"Lorem ipsum">>),
    show(Id),  %% expect: 419890254
    Packed = iolist_to_binary(zlib:deflate(Z, <<"Lorem ipsum dolor">>, finish)),
    zlib:close(Z),
    I = zlib:open(),
    ok = zlib:inflateInit(I),
    {need_dictionary, Id, Before} = zlib:inflate(I, Packed, [{exception_on_need_dict, false}]),
    show(caught(fun() -> zlib:inflateSetDictionary(I, <<"other">>) end)),  %% expect: {error,data_error}
    ok = zlib:inflateSetDictionary(I, <<"Lorem ipsum">>),
    show(iolist_to_binary([Before, zlib:inflate(I, [])])),  %% expect: <<"Lorem ipsum dolor">>
    show(zlib:inflateGetDictionary(I)),  %% expect: <<"Lorem ipsum">>
    zlib:close(I).

%% What stands behind the end of a stream.
ends(Data) ->
    Two = iolist_to_binary([zlib:gzip(Data), zlib:gzip(<<"second">>)]),
    Inflated = fun(Behaviour) ->
        Z = zlib:open(),
        ok = zlib:inflateInit(Z, 31, Behaviour),
        Result = caught(fun() -> iolist_to_binary(zlib:inflate(Z, Two)) end),
        zlib:close(Z),
        Result
    end,
    show(Inflated(cut) =:= Data),  %% expect: true
    show(Inflated(reset) =:= <<Data/binary, "second">>),  %% expect: true
    show(Inflated(error)).  %% expect: {error,data_error}

owners() ->
    Z = zlib:open(),
    Self = self(),
    Other = spawn(fun() ->
        Self ! caught(fun() -> zlib:inflateInit(Z) end),
        receive go -> Self ! caught(fun() -> zlib:inflateInit(Z) end) end
    end),
    show(receive First -> First end),  %% expect: {error,not_on_controlling_process}
    ok = zlib:set_controlling_process(Z, Other),
    Other ! go,
    show(receive Second -> Second end),  %% expect: ok
    show(caught(fun() -> zlib:close(Z) end)).  %% expect: {error,not_on_controlling_process}

errors() ->
    [show(caught(F)) || F <- [  %% expect: {error,data_error}
        fun() -> zlib:uncompress(<<1, 2, 3>>) end,
        fun() -> zlib:gunzip(<<"no gzip">>) end,  %% expect: {error,data_error}
        fun() -> zlib:deflate(zlib:open(), <<"x">>) end,  %% expect: {error,not_initialized}
        fun() -> zlib:inflateEnd(zlib:open()) end,  %% expect: {error,not_initialized}
        fun() -> Z = zlib:open(), ok = zlib:inflateInit(Z), zlib:inflateInit(Z) end,  %% expect: {error,already_initialized}
        fun() -> zlib:close(no_stream) end,  %% expect: {error,badarg}
        fun() -> Z = zlib:open(), zlib:deflateInit(Z, 10) end]].  %% expect: {error,bad_compression_level}

caught(F) -> try F() catch C:R -> {C, R} end.

show(Term) -> io:format("~0p~n", [Term]).
