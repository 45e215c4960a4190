#!/bin/bash
# Whether an HTTP server in this container answers a GET with success; if not, prints the answer.
#
#   http.sh PORT PATH
set -euEo pipefail
trap 'echo "http.sh: line $LINENO failed: $BASH_COMMAND"' ERR
exec 3<>"/dev/tcp/127.0.0.1/$1"
printf 'GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' "$2" >&3
mapfile -t answer <&3
[[ ${answer[0]} == HTTP/1.?' '2* ]] || { printf '%s\n' "$2:" "${answer[@]}"; exit 1; }
