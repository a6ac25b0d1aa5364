#!/bin/sh
# session.sh FOLDER
#
# Plays one rendered scenario and leaves what happened in FOLDER; judging it is run.py's work, elsewhere.
# Needs no more than a shell, so that it runs in the nested machines too.
#
# FOLDER/env sets: DEBUGGER (gdb, lldb), PROGRAM (the debugger), TRAPLINE, KERNEL (the guest's ELF), SYMBOLS (what
# of it the debugger's command line names: the same, or nothing), MODE (its
# command line), OPTIONS (one more of trapline's, or nothing), GDB_OPTION (--gdb=..., empty: the debugger starts trapline), LIMIT (seconds for each debugger
# session) and LINGER (seconds that trapline then has to end by itself).
# FOLDER/1.in, 2.in ...: what each session in turn types; @TARGET@ stands for what follows "target remote",
# @LLDBURL@ for the same as LLDB wants it.
# DOCTOR, if set: a file with what `trapline doctor --json` says here.
# Left behind: 1.out ..., guest.out, trapline.err, packets.log, doctor.json, status ("session 1 0", "trapline 6").
set -u
tools=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd) || exit 1
cd "$1" || exit 1
here=$PWD
# shellcheck source=/dev/null
. ./env
: >guest.out
: >trapline.err
: >status
export HOME="$here" SHELL=/bin/sh

# shellcheck disable=SC2153 # TRAPLINE comes from env
start_trapline() {
    timeout -k 5 "$((LIMIT * 3))" "$TRAPLINE" run "$GDB_OPTION" ${OPTIONS:+"$OPTIONS"} --gdb-log=packets.log "$KERNEL" -- "$MODE" \
        >guest.out 2>trapline.err </dev/null &
    trapline=$!
}

# The address to connect to, as trapline prints it.
wait_for_target() {
    target='' tries=0
    while kill -0 "$trapline" 2>/dev/null && [ "$tries" -lt 300 ]; do
        target=$(sed -n "s/.*target remote \([^ '\"]*\).*/\1/p" trapline.err | head -n 1)
        [ -z "$target" ] || return 0
        tries=$((tries + 1))
        sleep 0.05
    done
    return 1
}

# Its process id is the debugger's: for signals.
run_debugger() {
    # shellcheck disable=SC2016 # expanded by the inner shell
    timeout -k 5 "$LIMIT" sh -c 'echo $$ >debugger.pid; exec "$@"' sh "$PROGRAM" "$@" >"$number.out" 2>&1
}

play() {
    case $target in
    *:*) url=connect://$target ;;
    *) url=unix-connect://$here/$target ;;
    esac
    sed -e "s#@TARGET@#$target#g" -e "s#@LLDBURL@#$url#g" "$1.in" >"$1.cmd"
    number=$1
    case $DEBUGGER in
    gdb)
        run_debugger -nx -q -nw -iex "set host-charset UTF-8" ${SYMBOLS:+"$SYMBOLS"} <"$number.cmd"
        ;;
    lldb)
        if grep -q '^@wait' "$number.cmd"; then
            : >"$number.out"
            sh "$tools/feed.sh" "$number.cmd" "$number.out" | run_debugger -x --no-use-colors ${SYMBOLS:+"$SYMBOLS"}
        else
            sed -i '/^@/d' "$number.cmd"
            run_debugger -x --no-use-colors -b -o 'settings set interpreter.stop-command-source-on-error false' \
                -s "$number.cmd" ${SYMBOLS:+"$SYMBOLS"} </dev/null
        fi
        ;;
    esac
    echo "session $number $?" >>status
}

if [ -n "${DOCTOR:-}" ]; then
    cp "$DOCTOR" doctor.json
else
    "$TRAPLINE" doctor --json >doctor.json
fi

# Without a listener: GDB's own pipe to a trapline that it starts.
target="| timeout -k 5 $((LIMIT * 3)) '$TRAPLINE' run --gdb=stdio '$KERNEL' -- '$MODE' 2>guest.out"
trapline=''
if [ -n "$GDB_OPTION" ]; then
    start_trapline
    if ! wait_for_target; then
        echo "trapline did not say where it listens" >>status
        kill "$trapline" 2>/dev/null
        exit 1
    fi
fi

session=1
while [ -e "$session.in" ]; do
    play "$session"
    session=$((session + 1))
done

[ -n "$trapline" ] || exit 0
# The guest has its exit to make; one that runs on is ended here.
tries=0
while kill -0 "$trapline" 2>/dev/null && [ "$tries" -lt "$((LINGER * 20))" ]; do
    tries=$((tries + 1))
    sleep 0.05
done
if kill -0 "$trapline" 2>/dev/null; then
    echo "trapline running" >>status
    kill "$trapline"
    wait "$trapline"
else
    wait "$trapline"
    echo "trapline $?" >>status
fi
