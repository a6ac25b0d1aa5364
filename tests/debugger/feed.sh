#!/bin/sh
# feed.sh SCRIPT OUTPUT: types SCRIPT into a debugger that takes commands while the guest runs (LLDB with its
# standard input a pipe), and waits where the script says so:
#   @stop            until the last resume has led to a stop or an exit (seen in OUTPUT)
#   @wait TEXT FILE  until FILE contains TEXT
# A wait that is in vain ends the script: the debugger then sees the end of its input.
script=$1 output=$2

patiently() {
    tries=0
    until "$@"; do
        tries=$((tries + 1))
        [ "$tries" -lt 600 ] || { echo "feed: waited in vain: $*" >>poke.err; exit 1; }
        sleep 0.05
    done
}

stops() { grep -c -E '^ +frame #0: |^Process [0-9]+ exited' "$output"; }
stopped_again() { [ "$(stops)" -gt "$seen" ]; }
contains() { grep -q -e "$1" "$2" 2>/dev/null; }

seen=0
while IFS= read -r line; do
    case $line in
    @stop) patiently stopped_again ;;
    "@wait "*)
        # shellcheck disable=SC2086 # two words
        set -- ${line#@wait }
        patiently contains "$1" "$2"
        ;;
    *)
        seen=$(stops)
        printf '%s\n' "$line"
        ;;
    esac
done <"$script"
