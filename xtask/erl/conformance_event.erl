%% The event handler: how each case and each configuration function ended.
-module(conformance_event).
-behaviour(gen_event).
-export([init/1, handle_event/2, handle_call/2, handle_info/2]).

-include_lib("common_test/include/ct_event.hrl").

init(_) -> {ok, none}.

handle_event(#event{name = tc_done, data = {_, Function, Result}}, State) when is_atom(Function) ->
    {Outcome, Reason} = conformance_run:outcome(Result),
    case lists:member(Function, [init_per_suite, end_per_suite]) of
        true -> conformance_run:tell("config ~ts ~s ~0P", [Function, Outcome, Reason, 40]);
        false -> conformance_run:tell("end ~ts ~s ~0P", [Function, Outcome, Reason, 40])
    end,
    {ok, State};
handle_event(#event{name = tc_done, data = {_, {Function, Group, _}, Result}}, State) ->
    {Outcome, Reason} = conformance_run:outcome(Result),
    conformance_run:tell("config ~ts(~ts) ~s ~0P", [Function, Group, Outcome, Reason, 40]),
    {ok, State};
handle_event(#event{name = Name, data = {_, Case, Reason}}, State) when Name =:= tc_user_skip; Name =:= tc_auto_skip ->
    Outcome = case Name of tc_user_skip -> "skipped"; tc_auto_skip -> "auto_skipped" end,
    case Case of
        {Function, _} when Function =:= init_per_group; Function =:= end_per_group -> ok;
        {Function, Group} -> conformance_run:tell("skip ~ts ~ts ~s ~0P", [Group, Function, Outcome, Reason, 40]);
        _ -> conformance_run:tell("skip - ~ts ~s ~0P", [Case, Outcome, Reason, 40])
    end,
    {ok, State};
handle_event(_, State) ->
    {ok, State}.

handle_call(_, State) -> {ok, ok, State}.

handle_info(_, State) -> {ok, State}.
