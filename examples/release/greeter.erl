%% An application with one process under a supervisor: it greets, in the words of the release's settings.
-module(greeter).
-behaviour(application).
-behaviour(supervisor).
-export([greet/1]).
-export([start/2, stop/1, init/1, start_link/0, handle/0]).

greet(Name) ->
    greeter ! {greet, self(), Name},
    receive {greeter, Text} -> io:format("~ts~n", [Text]) end.

start(_Type, _Arguments) ->
    Started = supervisor:start_link(?MODULE, []),
    {ok, Version} = application:get_key(greeter, vsn),
    {Release, Number} = init:script_id(),
    greet("image"),
    io:format("I am greeter ~ts of release ~ts ~ts.~n", [Version, Release, Number]),
    Started.

stop(_State) -> ok.

init([]) ->
    {ok, {#{strategy => one_for_one}, [#{id => greeter, start => {?MODULE, start_link, []}}]}}.

start_link() ->
    Pid = spawn_link(?MODULE, handle, []),
    register(greeter, Pid),
    {ok, Pid}.

handle() ->
    receive
        {greet, From, Name} ->
            {ok, Greeting} = application:get_env(greeter, greeting),
            From ! {greeter, [Greeting, ", ", Name, "!"]},
            handle()
    end.
