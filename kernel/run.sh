#!/bin/sh
# run.sh IMAGE COMMAND-LINE [QEMU-ARGUMENT]...: boots the kernel with an image. MACHINE, SMP, MEM, CPU,
# TIMEOUT and KERNEL change the defaults.
here=$(dirname "$0")
image=$1 line=$2
shift 2
exec timeout "${TIMEOUT:-60}" qemu-system-x86_64 -machine "${MACHINE:-microvm,rtc=on}" -cpu "${CPU:-max}" -accel "${ACCEL:-tcg}" \
    -smp "${SMP:-2}" -m "${MEM:-256}" -nodefaults -no-reboot -display none -serial stdio \
    -device isa-debug-exit,iobase=0xf4,iosize=0x04 \
    -kernel "${KERNEL:-$here/target/release/kernel}" -initrd "$image" -append "$line" "$@"
