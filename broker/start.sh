#!/bin/sh
# Runs the broker with the configuration that the settings ask for. Restarts it inside the running container when the
# bootstrap made a new authority or the bridges changed, so the container stays healthy.
#
# IDC_MUTUAL_TLS    `on`: clients need a certificate of our authority and a password; `off` (default): only a password
# IDC_SAVE_EVERY_S  how often a large database is written while few changes are pending; 300 s
# /etc/mosquitto/bridges/NAME.conf      is added; see bridge.example.conf
# /etc/mosquitto/bridges/NAME.password  the account's password at the remote broker
set -eu
umask 077
folder=/etc/mosquitto
configuration=/tmp/mosquitto.conf
restart=/tmp/restart
data=/var/lib/mosquitto

write_configuration() {
    cat "$folder/mosquitto.conf"
    case ${IDC_MUTUAL_TLS:-off} in
        on) cat "$folder/mutual-tls.conf" ;;
        off) ;;
        *) echo "IDC_MUTUAL_TLS is '$IDC_MUTUAL_TLS': write on or off" >&2; exit 78 ;;
    esac
    for bridge in "$folder"/bridges/*.conf; do
        [ -e "$bridge" ] || continue
        cat "$bridge"
        password=${bridge%.conf}.password
        if [ -e "$password" ]; then echo "remote_password $(cat "$password")"; fi
    done
}

# A signal interrupts `wait` while the broker still runs.
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
    rm -f "$restart"
    mosquitto -c "$configuration" &
    broker=$!
    trap 'kill -TERM "$broker" 2>/dev/null || true' TERM INT
    trap 'kill -HUP "$broker" 2>/dev/null || true' HUP
    # Autosave leaves up to 31 changes unwritten. They are written after ten seconds, a large file after five minutes: a
    # gateway can resend the messages of ten minutes, but only to clients with a session.
    database.sh keep "$data" "$broker" "${IDC_SAVE_EVERY_S:-300}" &
    keeper=$!
    follow.sh "$broker" /run/secrets/idc "$restart" &
    follower=$!
    code=0
    code_of "$broker" || code=$?
    kill "$keeper" "$follower" 2>/dev/null || true
    return "$code"
}

while true; do
    code=0
    run || code=$?
    [ -e "$restart" ] || exit "$code"
done
