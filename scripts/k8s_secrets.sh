#!/usr/bin/env bash
# Prints the three Secrets that k8s/base refers to, made by the same bootstrap that compose uses:
#
#   scripts/k8s_secrets.sh FOLDER | kubectl apply -f -
#
# FOLDER (for instance ./secrets, which git ignores) keeps the authority and the passwords: run it again with the same
# folder to renew the certificate. Needs openssl and mosquitto_passwd (package mosquitto), and kubectl.
set -euo pipefail
folder=${1:?usage: k8s_secrets.sh FOLDER}
here=$(dirname "$0")

"$here/../broker/bootstrap.sh" "$folder" >&2
for service in broker gateway alarm; do
    echo '---'
    kubectl create secret generic "idc-$service" --namespace idc-sentinel --from-file="$folder/$service" \
        --dry-run=client --output yaml
done
