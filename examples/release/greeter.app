{application, greeter,
 [{description, "Greets"},
  {vsn, "1.0"},
  {modules, [greeter]},
  {registered, [greeter]},
  {applications, [kernel, stdlib]},
  {env, [{greeting, "Hello"}]},
  {mod, {greeter, []}}]}.
