%% Match specifications: what is no specification and the words for it, values of bodies, the dialects of tracing.
-module(match_spec_faults).
-export([main/0]).

main() ->
    T = ets:new(t, []),
    ets:insert(T, {a, 1, [x]}),
    [show(fun() -> ets:select(T, [{{'$1', '$2', '$3'}, [], [B]}]) end) || B <- bodies()],
    [show(fun() -> {ets:select(T, [{H, [], ['$$']}]), ets:match(T, H), ets:select_delete(T, [{H, [], [false]}])} end) || H <- heads()],
    [show(fun() -> erlang:match_spec_test({1, 2}, S, table) end) || S <- table()],
    [show(fun() -> erlang:match_spec_test([1, 2], S, trace) end) || S <- trace()],
    ok.

show(Fun) ->
    Shown = try Fun() of
                {error, Faults} -> [Text || {error, Text} <- Faults];
                Value -> Value
            catch Class:Reason -> {Class, Reason}
            end,
    io:format("~0tp~n", [Shown]).

bodies() ->
    [[{const,a}], [{const,a}|'$1'], {{ {const,a}, {{1,2}} }}, {{ {const,a}, '$1' }}, #{ {const,a} => {const,b}},
     #{ {const,a} => '$1'}, #{ '$1' => {const,b}}, {{}}, {const,{const,a}}, {{{const,a}}}, [{{1,2}},3], {},
     {'+',1,2}, {'and',true,1}, {'and',1,true}, {'andalso',true,1}, {'andalso',true,false}, {'or',1,true},
     {'xor',true,true}, {hd,[]}, {node}, [[[{const,b}]]], {const}, {is_function,'$1',2}, {'andthen',true,true},
     {is_record,'$_',a}, {is_record,'$_',a,3}, {float,1}, {'$1'}, #{a => {'$1'}}, #{ {x} => {y}},
     #{ {x} => {const,y}}, #{{const,1} => 1}, {binary_part,<<"abc">>,{0,1}}, {length,[1,2]}, {'not',1},
     {'andalso',1,true}, {'orelse',false,1}, {'and',false,1}, {'or', true, x}, {'and'}, {'andalso'},
     {'andalso',true}, {'and',true}, {'and',1}, #{'$1' => {hd, []}}, {{ {hd, []}, 1}}, ['$1'|{hd, 1}]].

heads() ->
    [a, 1, [], [1], {}, {a}, #{}, "x", {'$00','$01','_'}, {'$1','$01','_'}, {'$100000000','_','_'},
     {'$99999999','$3','_'}, {'$x','_','_'}, {'$','_','_'}, {'$-1','_','_'}].

table() ->
    [[], a, [a|b], [{a}], [{'$1',a,[1]}], [{'$1',[],a}], [{'$1',[],[]}], [{'$1',[a|b],[1|b]}],
     [{'$1',[],[{message,1}]}], [{'$1',[{get_tcw}],[{get_tcw}]}], [{#{'$1'=>1},[],[1]}], [{#{'_'=>1},[],[1]}],
     [{{'$1',#{{'$1'}=>1}},[],[1]}], [{a,[],[1]}], [{'$1',[],[#{'$2'=>'$3', {x}=>{y}}]}], [{'$1',[],[#{'$2'=>3}]}],
     [{'$1',[],[{{'$3','$4'}}]},{'$1',[],['$5']}], [{'$1',[],[{1,2,3}]}],
     [{'$1',[],[{self,1},{const,1,2}, {'and'},{'andalso'},{'or'},{'orelse'}]}],
     [{'$1',[{'+',{bad,'$3'},{bad2}}],['$9']}], [{'$1',[['$3','$4'|'$5']],['$9']}],
     [{'$1',[{foo,list_to_tuple(lists:seq(1,200))}],[{{},list_to_tuple(lists:seq(1,200))}]}]] ++
    [[{'$1', [], [B]}] || B <- [{'é', 1}, {<<>>, 1}, {self, '日本'}, {1.0, "abc", [1, 2], #{a => 1}, <<"x">>, -1},
                                {'$3', 'A b'}, {fun lists:map/2}, {'bnot', 1}, {is_boolean, 1}]].

trace() ->
    [[{'$1',[],[]}], [{['$1'],[],[]}], [{['$1','$2'],[],[]}], [{{'$1','$2'},[],[{message,'$1'}]}],
     [{{'$1','$2'},[],[{message,'$_'}]}], [{['$1'|'$2'],[],[]}], [{a,[],[]}], [{#{},[],[]}],
     [{'_',[{message,1}],[{message}]}], [{'_',[{return_trace}],[{return_trace,1}]}],
     [{'_',[{exception_trace}],[{exception_trace,1}]}], [{'_',[{is_seq_trace}],[{is_seq_trace,1}]}],
     [{'_',[{set_seq_token,label,1}],[{set_seq_token,a}]}], [{'_',[{get_seq_token}],[{get_seq_token,a}]}],
     [{'_',[{display,a}],[{display}]}], [{'_',[{process_dump}],[{process_dump,1}]}],
     [{'_',[{enable_trace,a}],[{enable_trace}]}], [{'_',[{disable_trace,a}],[{disable_trace}]}],
     [{'_',[{trace,a}],[{trace}]}], [{'_',[{caller}],[{caller,1}]}], [{'_',[{caller_line}],[{caller_line,1}]}],
     [{'_',[{silent,1}],[{silent}]}], [{'_',[{set_tcw,1}],[{set_tcw}]}], [{'_',[],[{set_tcw,17}]}],
     [{'_',[],[{message,{set_tcw,17}}]}], [{'_',[{current_stacktrace}],[{current_stacktrace}]}],
     [{'_',[],[{return_trace},{exception_trace}]}], [{'_',[],[{exception_trace},{return_trace}]}],
     [{'_',[],[{message,{caller}}]}], [{'_',[],[{message,{caller_line}}]}], [{'_',a,a}],
     [{'_',[],[{message,'$$'}]}], [{['$1','_'],[],[{message,'$$'}]}],
     [{'_',[],[{message,{set_seq_token,label,17}}]}], [{'_',[],[{message,{get_seq_token}}]}],
     [{'_',[],[{message,false}]}], [{'_',[],[{silent,true}]}], [{'_',[],[{trace,[call],[]}]}],
     [{'_',[],[{message,{set_tcw_fake,3}}]}]].

%% expect: [[a]]
%% expect: [[a|a]]
%% expect: [{a,{1,2}}]
%% expect: [{a,a}]
%% expect: [#{a => b}]
%% expect: [#{a => a}]
%% expect: [#{a => b}]
%% expect: [{}]
%% expect: [{const,a}]
%% expect: [{a}]
%% expect: [[{1,2},3]]
%% expect: {error,badarg}
%% expect: [3]
%% expect: ['EXIT']
%% expect: ['EXIT']
%% expect: [1]
%% expect: [false]
%% expect: ['EXIT']
%% expect: [false]
%% expect: ['EXIT']
%% expect: [nonode@nohost]
%% expect: [[[[b]]]]
%% expect: {error,badarg}
%% expect: {error,badarg}
%% expect: [true]
%% expect: {error,badarg}
%% expect: [true]
%% expect: [1.0]
%% expect: {error,badarg}
%% expect: {error,badarg}
%% expect: {error,badarg}
%% expect: {error,badarg}
%% expect: [#{1 => 1}]
%% expect: {error,badarg}
%% expect: [2]
%% expect: ['EXIT']
%% expect: ['EXIT']
%% expect: [1]
%% expect: ['EXIT']
%% expect: ['EXIT']
%% expect: {error,badarg}
%% expect: {error,badarg}
%% expect: [true]
%% expect: [true]
%% expect: ['EXIT']
%% expect: [#{a => 'EXIT'}]
%% expect: [{'EXIT',1}]
%% expect: [[a|'EXIT']]
%% expect: {[],[],0}
%% expect: {[],[],0}
%% expect: {[],[],0}
%% expect: {[],[],0}
%% expect: {[],[],0}
%% expect: {[],[],0}
%% expect: {[],[],0}
%% expect: {[],[],0}
%% expect: {[],[],0}
%% expect: {[],[],0}
%% expect: {[[a]],[[a]],0}
%% expect: {[[1,a]],[[1,a]],0}
%% expect: {[],[],0}
%% expect: {[],[],0}
%% expect: {[],[],0}
%% expect: ["Match programs are not in a list."]
%% expect: ["Match programs are not in a list."]
%% expect: ["Match programs are not in a proper list."]
%% expect: ["Match program part is not a tuple of arity 3."]
%% expect: ["Match expression is not a list."]
%% expect: ["Body clause does not return anything."]
%% expect: ["Body clause does not return anything."]
%% expect: ["Match expression is not a proper list.","Match expression is not a proper list."]
%% expect: ["Special form 'message' used in wrong dialect."]
%% expect: ["Function get_tcw/0 cannot be called in this context.","Function get_tcw/0 cannot be called in this context."]
%% expect: ["Variable found in map key."]
%% expect: ["Underscore found in map key."]
%% expect: {ok,false,[],[]}
%% expect: {ok,false,[],[]}
%% expect: ["Function y/0 does_not_exist.","Variable $3 is unbound.","Function x/0 does_not_exist.","Variable $2 is unbound."]
%% expect: ["Variable $2 is unbound.","Variable $2 is unbound."]
%% expect: ["Variable $4 is unbound.","Variable $3 is unbound."]
%% expect: ["{1,2,3} is neither a function call, nor a tuple (tuples are written {{ ... }})."]
%% expect: ["Special form 'self' called with arguments in {self,1}.","Special form 'const' called with more than one argument in {const,1,2}.","Special form 'and' called without arguments in {and}.","Special form 'andalso' called without arguments in {andalso}.","Special form 'or' called without arguments in {or}.","Special form 'orelse' called without arguments in {orelse}."]
%% expect: ["Function bad2/0 does_not_exist.","Function bad/1 does_not_exist.","Variable $9 is unbound."]
%% expect: ["Variable $3 is unbound.","Variable $4 is unbound.","Variable $5 is unbound.","Variable $9 is unbound."]
%% expect: ["Function foo/1 does_not_exist.","{{},{1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32,33,34,3"]
%% expect: ["Function Ã©/1 does_not_exist."]
%% expect: ["{<<>>,1} is neither a function call, nor a tuple (tuples are written {{ ... }})."]
%% expect: [[83,112,101,99,105,97,108,32,102,111,114,109,32,39,115,101,108,102,39,32,99,97,108,108,101,100,32,119,105,116,104,32,97,114,103,117,109,101,110,116,115,32,105,110,32,123,115,101,108,102,44,39,230,151,165,230,156,172,39,125,46]]
%% expect: ["{1.000000e+00,\"abc\",[1,2],#{a=>1},<<\"x\">>,-1} is neither a function call, nor a tuple (tuples are w"]
%% expect: ["{'$3','A b'} is neither a function call, nor a tuple (tuples are written {{ ... }})."]
%% expect: ["{fun lists:map/2} is neither a function call, nor a tuple (tuples are written {{ ... }})."]
%% expect: {ok,-2,[],[]}
%% expect: ["Function is_boolean/1 does_not_exist."]
%% expect: {ok,true,[],[]}
%% expect: {ok,false,[],[]}
%% expect: {ok,true,[],[]}
%% expect: {ok,1,[],[]}
%% expect: {ok,[1,2],[],[]}
%% expect: ["Match expression part ['$1'|'$2'] is not a proper list."]
%% expect: ["Match head is invalid in this context."]
%% expect: ["Match head is invalid in this context."]
%% expect: ["Special form 'message' called in guard context.","Special form 'message' called with wrong number of arguments in {message}."]
%% expect: ["Special form 'return_trace' called in guard context.","Special form 'return_trace' called with arguments in {return_trace,1}."]
%% expect: ["Special form 'exception_trace' called in guard context.","Special form 'exception_trace' called with arguments in {exception_trace,1}."]
%% expect: ["Special form 'is_seq_trace' called with arguments in {is_seq_trace,1}."]
%% expect: ["Special form 'set_seq_trace' called in guard context.","Special form 'set_seq_token' called with wrong number of arguments in {set_seq_token,a}."]
%% expect: ["Special form 'get_seq_token' called in guard context.","Special form 'get_seq_token' called with arguments in {get_seq_token,a}."]
%% expect: ["Special form 'display' called in guard context.","Special form 'display' called with wrong number of arguments in {display}."]
%% expect: ["Special form 'process_dump' called in guard context.","Special form 'process_dump' called with arguments in {process_dump,1}."]
%% expect: ["Special form 'enable_trace' called in guard context.","Special form 'enable_trace' called with wrong number of arguments in {enable_trace}."]
%% expect: ["Special form 'disable_trace' called in guard context.","Special form 'disable_trace' called with wrong number of arguments in {disable_trace}."]
%% expect: ["Special form 'trace' called in guard context.","Special form 'trace' called with wrong number of arguments in {trace}."]
%% expect: ["Special form 'caller' called in guard context.","Special form 'caller' called with arguments in {caller,1}."]
%% expect: ["Special form 'caller_line' called in guard context.","Special form 'caller_line' called with arguments in {caller_line,1}."]
%% expect: ["Special form 'silent' called in guard context.","Special form 'silent' called with wrong number of arguments in {silent}."]
%% expect: ["Function set_tcw/1 cannot be called in this context.","Function set_tcw/0 does_not_exist."]
%% expect: {ok,true,[],[]}
%% expect: {ok,0,[],[]}
%% expect: ["Function current_stacktrace/0 does_not_exist.","Function current_stacktrace/0 does_not_exist."]
%% expect: {ok,true,[return_trace,exception_trace],[]}
%% expect: {ok,true,[return_trace,exception_trace],[]}
%% expect: {ok,undefined,[],[]}
%% expect: {ok,undefined,[],[]}
%% expect: ["Match expression is not a list.","Match expression is not a list."]
%% expect: {ok,[],[],[]}
%% expect: {ok,[1],[],[]}
%% expect: {ok,[],[],[]}
%% expect: {ok,[],[],[]}
%% expect: {ok,false,[],[]}
%% expect: {ok,true,[],[]}
%% expect: {ok,true,[],[]}
%% expect: {ok,0,[],[]}
