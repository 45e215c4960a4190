#!/bin/sh
# Signs in as `monitor` over TLS and reads one $SYS value: the broker is healthy if it works for a client.
# The password is passed in the client's options file, not on the command line.
set -eu
secrets=/run/secrets/idc
export XDG_CONFIG_HOME=/tmp
umask 077
printf -- '-u monitor\n-P %s\n' "$(cat "$secrets/mqtt-password")" >/tmp/mosquitto_sub
exec mosquitto_sub -h localhost -p 8883 --cafile "$secrets/ca.crt" --cert "$secrets/client.crt" --key "$secrets/client.key" \
    -t '$SYS/broker/version' -C 1 -W 4
