//! Loaded modules: their code, and what is looked up by a code address.
