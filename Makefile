# The commands a user needs; the work is done by `cargo xtask`.
.PHONY: shell test bench

# Installs what is missing, builds, and starts the Erlang shell on Lintel.
shell:
	cargo xtask setup --for shell
	cargo build --release --package lintel
	target/release/lintel erl

# Installs what the tests need, and runs all of them.
test:
	cargo xtask test

# Measures Lintel against the stock VM and writes benches/RESULTS.md.
bench:
	cargo xtask setup --for test
	cargo build --release --package lintel
	cargo xtask bench all
