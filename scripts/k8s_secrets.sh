#!/usr/bin/env bash
# Prints the three Secrets that k8s/base needs, made by the same bootstrap that compose uses:
#
#   scripts/k8s_secrets.sh FOLDER | kubectl apply -f -
#   scripts/k8s_secrets.sh FOLDER rotate | kubectl apply -f -     with new certificates from the same authority
#
# FOLDER (such as ./secrets, which git ignores) keeps the authority and the passwords: use the same one each time.
# IDC_BROKER_NAMES and IDC_INFERENCE_NAMES: see bootstrap.sh. If unset, they stay as they were; '' removes them.
# Services read changed Secrets when they restart. Needs openssl, mosquitto_passwd (package mosquitto) and kubectl.
set -euEo pipefail
trap 'echo "k8s_secrets.sh: line $LINENO failed: $BASH_COMMAND" >&2' ERR
folder=${1:?usage: k8s_secrets.sh FOLDER [rotate]}
here=$(dirname "$0")

# Names stay in the certificate: removing one would lock out the clients that use it.
IDC_BROKER_NAMES=${IDC_BROKER_NAMES-$(cat "$folder/ca/server.names" 2>/dev/null || true)}
IDC_INFERENCE_NAMES=${IDC_INFERENCE_NAMES-$(cat "$folder/ca/inference.names" 2>/dev/null || true)}
export IDC_BROKER_NAMES IDC_INFERENCE_NAMES
# it reports what is wrong
"$here/../broker/bootstrap.sh" "$folder" ${2:+"$2"} >&2 || exit
for service in broker gateway alarm; do
    echo '---'
    kubectl create secret generic "idc-$service" --namespace idc-sentinel --from-file="$folder/$service" \
        --dry-run=client --output yaml
done
