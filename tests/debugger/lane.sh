#!/bin/sh
# lane.sh FOLDER TRAPLINE: inside a nested machine, plays every scenario of FOLDER and packs what they left behind.
tools=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd) || exit 1
cd "$1" || exit 1
start=$(date +%s)
export DOCTOR="$1/doctor.json"
"$2" doctor --json >"$DOCTOR"
for scenario in */; do
    echo "playing ${scenario%/}, $(($(date +%s) - start)) s after the start"
    sh "$tools/session.sh" "$1/${scenario%/}"
done
tar czf all.tgz ./*/
