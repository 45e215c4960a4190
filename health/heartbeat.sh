#!/bin/sh
# Whether a file was touched within MAX_AGE_S seconds: the loop that touches it still runs.
#
#   heartbeat.sh FILE MAX_AGE_S
set -eu
touched=$(stat -c %Y "$1")
age_s=$(($(date +%s) - touched))
[ "$age_s" -le "$2" ] || { echo "$1: last touched $age_s s ago"; exit 1; }
