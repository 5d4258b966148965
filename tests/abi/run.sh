#!/bin/sh
# Runs every program on Linux and on the kernel under QEMU, and compares what they print.
# `run.sh [NAME]...`; the environment of kernel/run.sh applies (MACHINE, SMP, MEM, KERNEL, TIMEOUT).
# Names are those of the programs in src/bin, and of Debian's programs below: busybox, lua, sqlite.
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
[ $# -gt 0 ] || set -- threads memory files events sockets time signals busybox lua sqlite
failed=0
for name in "$@"; do
    # What is packed, and the command; paths are the same on both sides.
    case $name in
        busybox) pack="/bin/busybox $here/debian/shell.sh:/tmp/test/script" run="/bin/busybox sh /tmp/test/script" ;;
        lua) pack="--libs /usr/bin/lua5.4 $here/debian/program.lua:/tmp/test/script" run="/usr/bin/lua5.4 /tmp/test/script" ;;
        sqlite) pack="--libs /usr/bin/sqlite3 $here/debian/queries.sql:/tmp/test/script"
            run="/usr/bin/sqlite3 -batch -init /tmp/test/script /tmp/test/data" ;;
        *) pack="--libs $here/target/release/$name:/bin/$name" run="$here/target/release/$name" ;;
    esac
    rm -rf /tmp/test
    mkdir -p /tmp/test
    cp "$here"/debian/shell.sh /tmp/test/script
    case $name in lua) cp "$here/debian/program.lua" /tmp/test/script ;; sqlite) cp "$here/debian/queries.sql" /tmp/test/script ;; esac
    # The words are split on purpose.
    # shellcheck disable=SC2086
    "$kernel/target/release/mkimage" "$work/image" $pack --empty /etc 2>"$work/errors" || { cat "$work/errors"; exit 1; }
    $run >"$work/linux" 2>&1 </dev/null
    code=$?
    case $run in "$here"*) run=/bin/$name ;; esac
    TIMEOUT=${TIMEOUT:-60} "$kernel/run.sh" "$work/image" "quiet ip=none -- $run" \
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
