//! The erl_nif ABI and the native modules built in.
