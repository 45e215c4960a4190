#!/bin/bash
# Runs Caddy in front of inference with the certificate and the key in /run/secrets/idc. When these files change, it
# exits, and the engine restarts it with the new ones.
#
# Exit codes: 0 the files changed, or it was stopped; 78 a file is missing; otherwise Caddy's.
set -euEo pipefail
trap 'echo "serve-inference.sh: line $LINENO failed: $BASH_COMMAND" >&2' ERR
secrets=/run/secrets/idc
for name in server.crt server.key inference-key; do
    [[ -r $secrets/$name ]] || {
        echo "$secrets/$name is missing or not readable by account $(id -u): docs/how-to/several-machines.md has the steps" >&2
        exit 78
    }
done
versions() { stat -L -c '%n %i %Y %s' "$secrets"/server.crt "$secrets"/server.key "$secrets"/inference-key 2>/dev/null || true; }

started_with=$(versions)
# nothing to keep in a volume: Caddy makes no certificates here
XDG_DATA_HOME=/tmp IDC_INFERENCE_KEY=$(cat "$secrets/inference-key") \
    caddy run --config /etc/caddy/inference.Caddyfile --adapter caddyfile &
caddy=$!
trap 'kill -TERM "$caddy" 2>/dev/null || true; wait "$caddy" || true; exit 0' TERM INT
while kill -0 "$caddy" 2>/dev/null; do
    sleep 5 &
    wait $! || true
    if [[ $(versions) != "$started_with" ]]; then
        echo "the certificate or key has changed: restarting" >&2
        kill -TERM "$caddy"
        break
    fi
done
wait "$caddy"
