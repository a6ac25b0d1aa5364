#!/bin/sh
# await.sh FILE TEXT [COUNT [TRIES]]: until COUNT lines (1) of FILE contain TEXT. For what a debugger does not wait for.
tries=0
until [ "$(grep -c -e "$2" "$1" 2>/dev/null)" -ge "${3:-1}" ]; do
    tries=$((tries + 1))
    [ "$tries" -lt "${4:-600}" ] || { echo "await: no '$2' in $1" >>poke.err; exit 1; }
    sleep 0.05
done
