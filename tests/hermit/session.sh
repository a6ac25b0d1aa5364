#!/bin/sh
# session.sh TRAPLINE IMAGE...: inside a nested machine, runs each Hermit-like guest and judges what it said.
trapline=$1
shift
bad=0
mkdir -p /tmp/data
echo 'hello from the host' >/tmp/data/hello
echo one >/tmp/one

# run WORDS...: status in $status, output in /tmp/out
run() {
	"$trapline" run --map /tmp/data:/data --map /tmp/one:/one:ro "$@" >/tmp/out 2>/tmp/err
	status=$?
}

# want NAME STATUS LINE...
want() {
	name=$1
	[ "$status" = "$2" ] || { echo "FAILED $name: status $status, not $2"; cat /tmp/out /tmp/err; bad=1; }
	shift 2
	for line in "$@"; do
		grep -qxF -- "$line" /tmp/out || { echo "FAILED $name: no '$line'"; cat /tmp/out /tmp/err; bad=1; }
	done
}

for image in "$@"; do
	name=${image##*/}
	run "$image" -- a 'b c'
	want "$name args" 5 'arg [a]' 'arg [b c]'
	run "$image" -- files
	want "$name files" 0 'open 3' 'read 20' 'hello from the host' 'lseek 6' 'write 21' 'read only -30' 'unmapped -2'
	rm -f /tmp/data/new
	run "$image" -- bad
	want "$name bad" 0 'read outside -14' 'read wraps -14' 'still here'
	echo "done $name"
done
exit $bad
