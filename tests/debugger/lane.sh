#!/bin/sh
# lane.sh FOLDER: inside a nested machine, plays every scenario of FOLDER and packs what they left behind.
tools=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd) || exit 1
cd "$1" || exit 1
start=$(date +%s)
for scenario in */; do
    echo "playing ${scenario%/}, $(($(date +%s) - start)) s after the start"
    sh "$tools/session.sh" "$1/${scenario%/}"
done
tar czf all.tgz ./*/
