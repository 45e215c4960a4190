#!/bin/bash
# Run by compose's service `bootstrap` at each `up`: checks the settings, makes secrets, and records the bridges, so
# that a running broker notices a change (follow.sh). The clone's folder is mounted at /project.
#
#   prepare.sh FOLDER
#
# Exit codes: those of check_clone.sh, check_settings.sh and bootstrap.sh; 78 a bridge's file cannot be read.
set -euEo pipefail
trap 'echo "prepare.sh: line $LINENO failed: $BASH_COMMAND" >&2' ERR
folder=${1:?usage: prepare.sh FOLDER}
bridges=/etc/mosquitto/bridges

# Each script reports what is wrong. In mountinfo a space is \040.
place=$(awk '$5 == "/project" { gsub(/\\040/, " ", $4); print $4 }' /proc/self/mountinfo)
check_clone.sh "$folder/ca/clone" "$place" || exit
check_settings.sh /project || exit
for file in "$bridges"/*; do
    [[ ! -e $file || -r $file ]] || {
        echo "bridges: ${file##*/} cannot be read by account $(id -u): chown $(id -u) and chmod 400 it" >&2
        exit 78
    }
done
bootstrap.sh "$folder" || exit
note=$folder/broker/bridges.sha256
cat "$bridges"/*.conf "$bridges"/*.password "$bridges"/*.crt "$bridges"/*.key 2>/dev/null | sha256sum >"$note.new" || true
cmp -s "$note.new" "$note" || mv -f "$note.new" "$note"
rm -f "$note.new"
