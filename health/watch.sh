#!/bin/sh
# Runs a health check in a container again and again, at a cost near zero: to start a command in a container takes the
# engine ten times the processor time of the check itself.
#
#   watch.sh EVERY_S COMMAND...
#
# Until the check has passed once, a run checks once and ends, so that a started container soon counts as healthy on
# engines without a start interval (before Docker 25). Later runs check 30 times, EVERY_S apart, and end at the first
# failure. A check that takes longer than five seconds has failed.
set -eu
every_s=$1
shift
# the first process' start time: what a stopped container left behind does not count
passed=${TMPDIR:-/tmp}/passed-since-$(cut -d ' ' -f 22 /proc/1/stat)

if [ ! -e "$passed" ]; then
    timeout 5 "$@" || exit 1
    touch "$passed" 2>/dev/null || true # a read-only /tmp: each run checks once
    exit
fi
for _ in $(seq 30); do
    timeout 5 "$@" || { rm -f "$passed"; exit 1; }
    sleep "$every_s"
done
