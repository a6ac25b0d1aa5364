#!/bin/sh
# The toy CPU under a real GDB. usage: toy_test.sh TOY SOURCE_DIR
set -eu
toy=$1 source=$2
command -v gdb >/dev/null || { echo 'gdb is not installed'; exit 77; }
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

sed "s|@TOY@|$toy|" "$source/toy.gdb" >"$dir/script"
# "x/xw 0x20000" fails, which would end a script; each line is a command of its own.
set --
while IFS= read -r line; do
	case $line in
	'#'*) ;;
	*) set -- "$@" -ex "$line" ;;
	esac
done <"$dir/script"
timeout 60 gdb -nx -batch "$@" >"$dir/out" 2>&1 || true
grep -v -E '^warning:|^determining|^$' "$dir/out" | diff -u "$source/toy.expected" -
