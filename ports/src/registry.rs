//! Which command lines are served in-thread.
