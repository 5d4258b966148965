//! A .beam file's way in: container, checks, rewriting, linking.
