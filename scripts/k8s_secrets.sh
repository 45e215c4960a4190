#!/usr/bin/env bash
# Prints the three Secrets that k8s/base refers to, made by the same bootstrap that compose uses:
#
#   scripts/k8s_secrets.sh FOLDER | kubectl apply -f -
#   scripts/k8s_secrets.sh FOLDER rotate | kubectl apply -f -     with new certificates of the same authority
#
# FOLDER (for instance ./secrets, which git ignores) keeps the authority and the passwords: use the same one each time.
# The services take changed Secrets when they restart. Needs openssl and mosquitto_passwd (package mosquitto), and kubectl.
set -euEo pipefail
trap 'echo "k8s_secrets.sh: line $LINENO failed: $BASH_COMMAND" >&2' ERR
folder=${1:?usage: k8s_secrets.sh FOLDER [rotate]}
here=$(dirname "$0")

"$here/../broker/bootstrap.sh" "$folder" ${2:+"$2"} >&2
for service in broker gateway alarm; do
    echo '---'
    kubectl create secret generic "idc-$service" --namespace idc-sentinel --from-file="$folder/$service" \
        --dry-run=client --output yaml
done
