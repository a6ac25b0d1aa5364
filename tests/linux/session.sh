#!/bin/sh
# shellcheck shell=dash
# Runs trapline (the arguments) in a nested machine and types at the guest's shell once it is there.
mkfifo /run/keys
exec 3<>/run/keys
{
	"$@" </run/keys
	echo "trapline's status $?"
} | while IFS= read -r line; do
	printf '%s\n' "$line"
	case $line in
	*'a shell follows'*)
		# shellcheck disable=SC2016
		printf '%s\n' 'echo "shell says $((6 * 7))"' 'echo "cpus $(grep -c ^processor /proc/cpuinfo)"' \
			'poweroff -f' >&3
		;;
	esac
done
