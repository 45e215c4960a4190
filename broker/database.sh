#!/bin/sh
# Carries the broker's database through a full disk. Mosquitto 2.0 does not look at the result of its last write: on a
# full disk it puts an empty or cut-off file in the place of a good one, without a word, and a cut-off file keeps it
# from starting again.
#
#   database.sh mend FOLDER               before the broker starts: put a copy in the place of what cannot be read
#   database.sh keep FOLDER PID EVERY_S   beside the broker: have it write every ten seconds, a large file (256 KiB and
#                                         more) every EVERY_S; keep a copy of what was written with room to spare; say
#                                         when there is none
#
# The copy is a second name of the same file: the broker writes a new file each time and moves it over the old one.
set -eu

folder=$2
database=$folder/mosquitto.db
copy=$database.good
spare_bytes=1048576
small_bytes=262144

say() { printf '%s: %s\n' "$(date +%Y-%m-%dT%H:%M:%S)" "$*"; }

# Whether a broker of its own, which nobody can reach, starts with this file. It is killed: an orderly end would write.
can_be_read() { # FILE
    [ -s "$1" ] || return 1
    trial=$(mktemp -d)
    printf '%s\n' "user $(id -un)" "listener 0 $trial/socket" "persistence true" "persistence_location $folder/" \
        "persistence_file $(basename "$1")" "log_dest none" >"$trial/conf"
    mosquitto -c "$trial/conf" >/dev/null 2>&1 &
    broker=$!
    # it listens as soon as it has read the file: within a minute even the largest on a slow memory card
    is_read=1
    tries=600
    while [ "$tries" -gt 0 ] && kill -0 "$broker" 2>/dev/null; do
        if [ -S "$trial/socket" ]; then is_read=0; break; fi
        tries=$((tries - 1))
        sleep 0.1
    done
    kill -KILL "$broker" 2>/dev/null || true
    wait "$broker" 2>/dev/null || true
    rm -rf "$trial"
    return "$is_read"
}

mend() {
    if [ ! -e "$database" ] && [ ! -e "$copy" ]; then return; fi
    if can_be_read "$database"; then return; fi
    if [ -e "$database" ]; then mv -f "$database" "$database.damaged"; fi
    if can_be_read "$copy"; then
        say "Error: $database cannot be read (a full disk?): the broker starts with its last good copy"
        ln "$copy" "$database"
    else
        say "Error: neither $database nor its copy can be read: the broker starts without sessions and retained messages"
        rm -f "$copy"
    fi
}

size_bytes() { stat -c %s "$database" 2>/dev/null || echo 0; }

has_room() {
    free=$(($(stat -f -c '%a * %S' "$folder")))
    [ "$free" -ge $((2 * $(size_bytes) + spare_bytes)) ]
}

keep() { # PID EVERY_S
    pid=$1
    every_s=$2
    look_s=$((every_s < 10 ? every_s : 10))
    waited_s=0
    had_room=false
    while sleep "$look_s" && kill -0 "$pid" 2>/dev/null; do
        waited_s=$((waited_s + look_s))
        if ! has_room; then
            say "Error: No space left on device for $database: what waits for absent clients is in memory alone"
            had_room=false
            continue
        fi
        # what was written before there was room may be cut off
        if $had_room && [ -s "$database" ]; then ln -f "$database" "$copy"; fi
        if ! $had_room || [ "$(size_bytes)" -lt "$small_bytes" ] || [ "$waited_s" -ge "$every_s" ]; then
            kill -USR1 "$pid"
            waited_s=0
        fi
        had_room=true
    done
}

case $1 in
    mend) mend ;;
    keep) keep "$3" "$4" ;;
    *) echo "usage: database.sh mend FOLDER | keep FOLDER PID EVERY_S" >&2; exit 64 ;;
esac
