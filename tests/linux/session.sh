#!/bin/sh
# shellcheck shell=dash
# session.sh SYMBOLS TRAPLINE ARGUMENT...: runs trapline in a nested machine; once the guest's shell is there, a
# debugger comes and asks how far the kernel moved itself, another one takes the symbols there; then types at the shell.
symbols=$1
shift
mkfifo /run/keys
exec 3<>/run/keys

in_gdb() {
	gdb -nx -q -batch "$@" </dev/null 2>&1
}

look() {
	in_gdb -ex "file $symbols" -ex 'target remote /run/gdb.sock' -ex 'monitor kaslr' >/run/said
	cat /run/said
	slide=$(sed -n 's/^slide \(0x[0-9a-f]*\); type$/\1/p' /run/said)
	# shellcheck disable=SC2016
	in_gdb -ex "file $symbols" -ex "symbol-file -o ${slide:-0} $symbols" -ex 'target remote /run/gdb.sock' \
		-ex 'info symbol $pc' -ex 'info threads'
}

{
	"$@" </run/keys
	echo "trapline's status $?"
} | while IFS= read -r line; do
	printf '%s\n' "$line"
	case $line in
	*'a shell follows'*)
		look
		# shellcheck disable=SC2016
		printf '%s\n' 'echo "shell says $((6 * 7))"' 'echo "cpus $(grep -c ^processor /proc/cpuinfo)"' \
			'poweroff -f' >&3
		;;
	esac
done
