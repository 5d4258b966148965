%% Records: defaults, update, matching, nested access, errors.
-module(records).
-export([main/0]).

-record(point, {x = 0, y = 0}).
-record(shape, {name, at = #point{}, tags = [] :: [atom()]}).

main() ->
    Shape = #shape{name = square},
    show(Shape),  %% expect: {shape,square,{point,0,0},[]}
    show(Shape#shape.at#point.x),  %% expect: 0
    show(Shape#shape{at = #point{x = 5}, tags = [red]}),  %% expect: {shape,square,{point,5,0},[red]}
    show((Shape#shape.at)#point{y = 7}),  %% expect: {point,0,7}
    #shape{name = Name, at = #point{y = Y}} = Shape,
    show({Name, Y}),  %% expect: {square,0}
    show({#shape.name, #shape.tags, record_info(size, point), record_info(fields, shape)}),  %% expect: {2,4,3,[name,at,tags]}
    show(caught(fun() -> (id({point, 1}))#point.x end)),  %% expect: {error,{badrecord,{point,1}}}
    show(caught(fun() -> (id(not_a_record))#point{x = 1} end)),  %% expect: {error,{badrecord,not_a_record}}
    show([P#point.x || #point{y = 1} = P <- [#point{x = 1, y = 1}, #point{x = 2, y = 2}, other]]),  %% expect: [1]
    show(is_record(id({point, 1, 2}), point)),  %% expect: true
    show(#point{_ = all}),  %% expect: {point,all,all}
    show(setelement(2, #point{}, x)),  %% expect: {point,x,0}
    show(lists:keysort(#point.y, [#point{y = 2}, #point{y = 1}])).  %% expect: [{point,0,1},{point,0,2}]

id(X) -> X.

show(Term) -> io:format("~0tp~n", [Term]).

caught(Fun) ->
    try Fun() of
        Value -> {value, Value}
    catch
        Class:Reason -> {Class, Reason}
    end.
