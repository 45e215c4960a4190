#!/bin/sh
# Runs the broker with the configuration that was asked for.
#
# IDC_MUTUAL_TLS  `on` asks every client for a certificate of our authority too; `off` (default) for its password alone
# IDC_SAVE_EVERY_S  how often a large database is written even where few changes are unwritten; 300 s
# /etc/mosquitto/bridges/NAME.conf      is added; see bridge.example.conf
# /etc/mosquitto/bridges/NAME.password  the account's password at that bridge's far end
set -eu
umask 077
folder=/etc/mosquitto
configuration=/tmp/mosquitto.conf

{
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
} >"$configuration"

data=/var/lib/mosquitto
database.sh mend "$data"
# What autosave leaves unwritten is written after ten seconds, a large file after five minutes: for ten minutes a gateway
# can send messages again, but only to who has a session.
database.sh keep "$data" $$ "${IDC_SAVE_EVERY_S:-300}" &
follow.sh $$ /run/secrets/idc &
exec mosquitto -c "$configuration"
