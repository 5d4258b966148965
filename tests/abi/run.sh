#!/bin/sh
# Runs every program on Linux and on the kernel under QEMU, and compares what they print.
# `run.sh [PROGRAM]...`; the environment of kernel/run.sh applies (MACHINE, SMP, MEM, KERNEL, TIMEOUT).
set -u
here=$(cd "$(dirname "$0")" && pwd)
kernel=$here/../../kernel
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cargo build --quiet --release --manifest-path "$here/Cargo.toml" || exit 1
if [ -z "${KERNEL:-}" ]; then
    (cd "$kernel" && cargo build --quiet --release) || exit 1
fi
(cd "$kernel" && cargo build --quiet --release -p mkimage) || exit 1
[ $# -gt 0 ] || set -- threads memory files events sockets time signals
failed=0
for name in "$@"; do
    program=$here/target/release/$name
    "$kernel/target/release/mkimage" "$work/image" --libs "$program:/bin/$name" --empty /etc 2>/dev/null || exit 1
    "$program" >"$work/linux" 2>&1 </dev/null
    code=$?
    TIMEOUT=${TIMEOUT:-40} "$kernel/run.sh" "$work/image" "quiet ip=none -- /bin/$name" \
        </dev/null 2>"$work/errors" | tr -d '\r' >"$work/kernel"
    if diff "$work/linux" "$work/kernel" >"$work/diff"; then
        echo "ok      $name ($(wc -l <"$work/linux") lines)"
    else
        echo "FAILED  $name (on Linux: $code)"
        cat "$work/diff" "$work/errors"
        failed=1
    fi
done
exit $failed
