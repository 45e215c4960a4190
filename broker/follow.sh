#!/bin/sh
# Has a running broker serve what the bootstrap made last: another certificate or account counts at once (SIGHUP, and
# nobody is disconnected); another authority or other bridges take a restart: AGAIN is made, by which start.sh knows, and
# the broker is ended in order.
#
#   follow.sh PID SECRETS AGAIN [EVERY_S]
set -eu
pid=$1
secrets=$2
again=$3
every_s=${4:-5}

say() { printf '%s: %s\n' "$(date +%Y-%m-%dT%H:%M:%S)" "$*"; }

# Which files there are: a new one has another inode, time or size. One process each time.
seen() {
    (cd "$secrets" && exec stat -L -c '%n %i %Y %s' server.crt server.key passwords ca.crt bridges.sha256 2>/dev/null) || true
}

# What they hold: Kubernetes exchanges every file of a Secret together, whatever changed.
held() { # NAME...
    for name in "$@"; do cat "$secrets/$name" 2>/dev/null || true; done | sha256sum
}

settled=$(seen)
served_reload=$(held server.crt server.key passwords)
served_restart=$(held ca.crt bridges.sha256)
last=$settled
while sleep "$every_s" && kill -0 "$pid" 2>/dev/null; do
    now=$(seen)
    [ "$now" != "$settled" ] || continue
    # only what has stood still between two looks: certificate and key are written one after the other
    [ "$now" = "$last" ] || { last=$now; continue; }
    settled=$now
    if [ "$(held ca.crt bridges.sha256)" != "$served_restart" ]; then
        say "Notice: another authority or other bridges: the broker starts again"
        : >"$again"
        kill -TERM "$pid"
        exit 0
    fi
    now_reload=$(held server.crt server.key passwords)
    if [ "$now_reload" != "$served_reload" ]; then
        say "Notice: new certificate or accounts: the broker reads them"
        served_reload=$now_reload
        kill -HUP "$pid"
    fi
done
