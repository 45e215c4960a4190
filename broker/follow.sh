#!/bin/sh
# Has a running broker serve what the bootstrap made last: another certificate or account counts at once (SIGHUP, and
# nobody is disconnected); another authority or other bridges take a restart, which ends the broker in order: whatever
# runs it starts it again.
#
#   follow.sh PID SECRETS [EVERY_S]
set -eu
pid=$1
secrets=$2
every_s=${3:-1}

say() { printf '%s: %s\n' "$(date +%Y-%m-%dT%H:%M:%S)" "$*"; }

# Which file stands under each name: a new one has another inode, time or size.
seen() { # NAME...
    for name in "$@"; do stat -L -c '%n %i %Y %s' "$secrets/$name" 2>/dev/null || true; done
}

reload() { seen server.crt server.key passwords; }
restart() { seen ca.crt bridges.sha256; }

served_reload=$(reload)
served_restart=$(restart)
last=
while sleep "$every_s" && kill -0 "$pid" 2>/dev/null; do
    now_reload=$(reload)
    now_restart=$(restart)
    # only what has stood still between two looks: certificate and key are written one after the other
    [ "$now_reload$now_restart" = "$last" ] || { last=$now_reload$now_restart; continue; }
    if [ "$now_restart" != "$served_restart" ]; then
        say "Notice: another authority or other bridges: the broker starts again"
        kill -TERM "$pid"
        exit 0
    fi
    if [ "$now_reload" != "$served_reload" ]; then
        say "Notice: new certificate or accounts: the broker reads them"
        served_reload=$now_reload
        kill -HUP "$pid"
    fi
done
