#!/bin/sh
# poke.sh SIGNAL FILE TEXT: sends SIGNAL to the debugger (its pid is in debugger.pid) once FILE contains
# TEXT.  Called by the debugger under test, so it goes to the background at once.
# poke.sh KILL: at once.
if [ $# -eq 1 ]; then
    kill -s "$1" "$(cat debugger.pid)"
    exit
fi
(
    tries=0
    until grep -q "$3" "$2" 2>/dev/null; do
        tries=$((tries + 1))
        [ "$tries" -lt 600 ] || { echo "poke: no '$3' in $2" >&2; exit 1; }
        sleep 0.05
    done
    kill -s "$1" "$(cat debugger.pid)"
) </dev/null >/dev/null 2>>poke.err &
