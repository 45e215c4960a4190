#!/bin/sh
# Runs the broker with the configuration that was asked for, and again where the bootstrap made another authority or other
# bridges count: inside the running container, so that its health is never in doubt.
#
# IDC_MUTUAL_TLS  `on` asks every client for a certificate of our authority too; `off` (default) for its password alone
# IDC_SAVE_EVERY_S  how often a large database is written even where few changes are unwritten; 300 s
# /etc/mosquitto/bridges/NAME.conf      is added; see bridge.example.conf
# /etc/mosquitto/bridges/NAME.password  the account's password at that bridge's far end
set -eu
umask 077
folder=/etc/mosquitto
configuration=/tmp/mosquitto.conf
again=/tmp/start-again
data=/var/lib/mosquitto

write_configuration() {
    cat "$folder/mosquitto.conf"
    case ${IDC_MUTUAL_TLS:-off} in
        on) cat "$folder/mutual-tls.conf" ;;
        off) ;;
        *) echo "IDC_MUTUAL_TLS is '$IDC_MUTUAL_TLS': say on or off" >&2; exit 78 ;;
    esac
    for bridge in "$folder"/bridges/*.conf; do
        [ -e "$bridge" ] || continue
        cat "$bridge"
        password=${bridge%.conf}.password
        if [ -e "$password" ]; then echo "remote_password $(cat "$password")"; fi
    done
}

# A signal ends the wait, not the broker.
code_of() { # PID
    while true; do
        code=0
        wait "$1" || code=$?
        kill -0 "$1" 2>/dev/null || return "$code"
    done
}

run() {
    write_configuration >"$configuration" || return
    database.sh mend "$data" || return
    rm -f "$again"
    mosquitto -c "$configuration" &
    broker=$!
    trap 'kill -TERM "$broker" 2>/dev/null || true' TERM INT
    trap 'kill -HUP "$broker" 2>/dev/null || true' HUP
    # What autosave leaves unwritten is written after ten seconds, a large file after five minutes: for ten minutes a
    # gateway can send messages again, but only to who has a session.
    database.sh keep "$data" "$broker" "${IDC_SAVE_EVERY_S:-300}" &
    keeper=$!
    follow.sh "$broker" /run/secrets/idc "$again" &
    follower=$!
    code=0
    code_of "$broker" || code=$?
    kill "$keeper" "$follower" 2>/dev/null || true
    return "$code"
}

while true; do
    code=0
    run || code=$?
    [ -e "$again" ] || exit "$code"
done
