#!/bin/busybox sh
# What the shell can do by itself: there is one process.
set -eu
echo "arguments $# $0"
a=0 b=1 n=0
while [ $n -lt 40 ]; do t=$((a + b)); a=$b b=$t n=$((n + 1)); done
echo "fibonacci $a"
cd /tmp
for word in one "two words" three; do printf '<%s>' "$word"; done; echo
echo "first line
second line" > abi-text
while read -r first rest; do echo "$rest:$first"; done < abi-text
echo third >> abi-text
n=0; while read -r line; do n=$((n + 1)); done < abi-text; echo "$n lines"
[ -f abi-text ] && echo "a file"; [ -d /tmp ] && echo "a folder"; [ -e /nowhere ] || echo "nothing"
text=/usr/share/doc/file.txt; echo "${text##*/} ${text%/*} ${#text} ${text%%.*}"
case "$text" in *.txt) echo text ;; *) echo other ;; esac
printf '%5d|%-5s|%x|%o\n' 42 ab 255 8
exec 3> abi-three; echo "by number" >&3; exec 3>&-; read -r line < abi-three; echo "$line"
umask 022; umask
trap 'echo "the end"' EXIT
unset text; echo "${text:-unset}" "$((0x10 + 010 * 3 % 7))"
exit 3
