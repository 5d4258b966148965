%% Raw files: reading and writing at places, large transfers, pipes that block, the owner's death.
-module(raw_files).
-export([main/0]).

main() ->
    Name = "raw_files.tmp",
    Big = binary:copy(<<"0123456789">>, 100000),
    ok = file:write_file(Name, Big),
    show(file:read_file(Name) =:= {ok, Big}),  %% expect: true
    {ok, R} = file:open(Name, [raw, read, binary]),
    show([file:pread(R, 5, 3), file:pread(R, 999998, 9), file:pread(R, 1000000, 1)]),  %% expect: [{ok,<<"567">>},{ok,<<"89">>},eof]
    show(file:read(R, 1000001) =:= {ok, Big}),  %% expect: true
    show([file:read(R, 1), file:position(R, {eof, -2}), file:read(R, 9), file:close(R), file:read(R, 1), file:close(R)]),  %% expect: [eof,{ok,999998},{ok,<<"89">>},ok,{error,einval},{error,einval}]
    {ok, W} = file:open(Name, [raw, write]),
    ok = file:write(W, lists:duplicate(200, <<"abc">>)),
    ok = file:pwrite(W, 600, lists:duplicate(200, <<"de">>)),
    ok = file:pwrite(W, [{0, "A"}, {999, "E"}]),
    show([file:sync(W), file:datasync(W), file:position(W, 998), file:truncate(W), file:close(W)]),  %% expect: [ok,ok,{ok,998},ok,ok]
    {ok, <<First:4/binary, _/binary>> = All} = file:read_file(Name),
    show({First, byte_size(All)}),  %% expect: {<<"Abca">>,998}
    death(Name),
    pipe("raw_files.fifo"),
    file:delete(Name).

death(Name) ->
    Self = self(),
    Open = fun() -> length(element(2, file:list_dir("/proc/self/fd"))) end,
    Before = Open(),
    {Pid, Ref} = spawn_monitor(fun() ->
        Files = [file:open(Name, [raw, read]) || _ <- [1, 2, 3]],
        Self ! opened,
        receive stop -> Files end
    end),
    receive opened -> ok end,
    During = Open(),
    exit(Pid, kill),
    receive {'DOWN', Ref, _, _, _} -> timer:sleep(100) end,
    show({During - Before, Open() - Before}).  %% expect: {3,0}

pipe(Name) ->
    file:delete(Name),
    os:cmd("mkfifo " ++ Name),
    Self = self(),
    spawn_link(fun() ->
        {ok, R} = file:open(Name, [raw, read, binary]),
        Self ! {read, file:read(R, 5)},
        Self ! {read, file:read(R, 5)},
        file:close(R)
    end),
    timer:sleep(20),
    {ok, W} = file:open(Name, [raw, write]),
    ok = file:write(W, "hel"),
    timer:sleep(20),
    ok = file:write(W, "lo!"),
    show(receive {read, First} -> First end),  %% expect: {ok,<<"hello">>}
    file:close(W),
    show(receive {read, Second} -> Second end),  %% expect: {ok,<<"!">>}
    file:delete(Name).

show(Term) -> io:format("~0p~n", [Term]).
