#!/bin/sh
# Makes a running broker serve what the bootstrap made last. For a new certificate or account, it reloads the broker
# (SIGHUP), which disconnects nobody. For a new authority or other bridges, it creates the file RESTART and stops the
# broker: start.sh then starts it again.
#
#   follow.sh PID SECRETS RESTART [EVERY_S]
set -eu
pid=$1
restart=$3
every_s=${4:-5}
cd "$2"

say() { printf '%s: %s\n' "$(date +%Y-%m-%dT%H:%M:%S)" "$*"; }

# A new file has another inode, time or size.
versions() { stat -L -c '%n %i %Y %s' server.crt server.key passwords ca.crt bridges.sha256 2>/dev/null || true; }

# Kubernetes replaces all files of a Secret together, whichever changed, so their content is compared too.
content() { cat "$@" 2>/dev/null | sha256sum; } # NAME...

settled=$(versions)
served_reload=$(content server.crt server.key passwords)
served_restart=$(content ca.crt bridges.sha256)
last=$settled
while sleep "$every_s" && kill -0 "$pid" 2>/dev/null; do
    now=$(versions)
    [ "$now" != "$settled" ] || continue
    # wait until nothing changes between two rounds: certificate and key are written one after the other
    [ "$now" = "$last" ] || { last=$now; continue; }
    settled=$now
    if [ "$(content ca.crt bridges.sha256)" != "$served_restart" ]; then
        say "Notice: new authority or bridges: restarting the broker"
        : >"$restart"
        kill -TERM "$pid"
        exit 0
    fi
    now_reload=$(content server.crt server.key passwords)
    if [ "$now_reload" != "$served_reload" ]; then
        say "Notice: new certificate or accounts: reloading the broker"
        served_reload=$now_reload
        kill -HUP "$pid"
    fi
done
