%% erlang:display/1 needs nothing but the VM: the form of each kind of term.
-module(display).
-export([main/0]).

main() ->
    erlang:display(atom),  %% expect: atom
    erlang:display('Quoted atom'),  %% expect: 'Quoted atom'
    erlang:display(-42),  %% expect: -42
    erlang:display(1 bsl 80),  %% expect: 1208925819614629174706176
    erlang:display(1.5),  %% expect: 1.500000e+00
    erlang:display("string"),  %% expect: "string"
    erlang:display([1, 2 | tail]),  %% expect: [1,2|tail]
    erlang:display({tuple, [], {}}),  %% expect: {tuple,[],{}}
    erlang:display(<<"binary">>),  %% expect: <<"binary">>
    erlang:display(<<1, 2, 255>>),  %% expect: <<1,2,255>>
    erlang:display(<<5:3>>),  %% expect: <<5:3>>
    erlang:display(#{key => value, 1 => [x]}),  %% expect: #{1=>[x],key=>value}
    erlang:display(fun lists:map/2),  %% expect: fun lists:map/2
    erlang:display([[[]]]),  %% expect: [[[]]]
    erlang:display(lists:reverse([1, 2], [3])).  %% expect: [2,1,3]
