#!/bin/sh
# Carries the broker's database through a full disk. Mosquitto 2.0 does not check the result of its last write: on a
# full disk it silently replaces a good file by an empty or truncated one, and it does not start with a truncated file.
#
#   database.sh mend FOLDER               before the broker starts: replace an unreadable file by its copy
#   database.sh keep FOLDER PID EVERY_S   while the broker runs: make it write every ten seconds, a large file (256 KiB
#                                         or more) every EVERY_S seconds; keep a copy of each file that was written
#                                         with enough free space; report when the space runs out
#
# The copy is a second name of the same file: the broker writes a new file each time and moves it over the old one.
set -eu

folder=$2
database=$folder/mosquitto.db
copy=$database.good
spare_bytes=1048576
small_bytes=262144

say() { printf '%s: %s\n' "$(date +%Y-%m-%dT%H:%M:%S)" "$*"; }

# Whether a trial broker that nobody can reach starts with this file. It is killed, since it would write on SIGTERM.
can_be_read() { # FILE
    [ -s "$1" ] || return 1
    trial=$(mktemp -d)
    printf '%s\n' "user $(id -un)" "listener 0 $trial/socket" "persistence true" "persistence_location $folder/" \
        "persistence_file $(basename "$1")" "log_dest none" >"$trial/conf"
    mosquitto -c "$trial/conf" >/dev/null 2>&1 &
    broker=$!
    # it listens as soon as it has read the file: within a minute, even for the largest file on a slow memory card
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
        say "Error: $database cannot be read (was the disk full?): the broker starts with its last good copy"
        ln "$copy" "$database"
    else
        say "Error: neither $database nor its copy can be read: the broker starts without sessions and retained messages"
        rm -f "$copy"
    fi
}

has_room_for() { # SIZE_BYTES
    free_bytes=$(($(stat -f -c '%a * %S' "$folder")))
    [ "$free_bytes" -ge $((2 * $1 + spare_bytes)) ]
}

keep() { # PID EVERY_S
    pid=$1
    every_s=$2
    round_s=$((every_s < 10 ? every_s : 10))
    waited_s=0
    had_room=false
    while sleep "$round_s" && kill -0 "$pid" 2>/dev/null; do
        waited_s=$((waited_s + round_s))
        size_bytes=$(stat -c %s "$database" 2>/dev/null || echo 0)
        if ! has_room_for "$size_bytes"; then
            say "Error: No space left on device for $database: messages for absent clients are only in memory"
            had_room=false
            continue
        fi
        # a file that was written while there was no room may be truncated
        if $had_room && [ -s "$database" ]; then ln -f "$database" "$copy"; fi
        if ! $had_room || [ "$size_bytes" -lt "$small_bytes" ] || [ "$waited_s" -ge "$every_s" ]; then
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
