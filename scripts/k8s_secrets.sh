#!/usr/bin/env bash
# Prints the three Secrets that k8s/base refers to, made by the same bootstrap that compose uses:
#
#   scripts/k8s_secrets.sh FOLDER | kubectl apply -f -
#   scripts/k8s_secrets.sh FOLDER rotate | kubectl apply -f -     with new certificates of the same authority
#
# FOLDER (for instance ./secrets, which git ignores) keeps the authority and the passwords: use the same one each time.
# IDC_BROKER_NAMES and IDC_INFERENCE_NAMES are bootstrap.sh's; not given, they stay as they were, and '' takes them away.
# The services take changed Secrets when they restart. Needs openssl and mosquitto_passwd (package mosquitto), and kubectl.
set -euEo pipefail
trap 'echo "k8s_secrets.sh: line $LINENO failed: $BASH_COMMAND" >&2' ERR
folder=${1:?usage: k8s_secrets.sh FOLDER [rotate]}
here=$(dirname "$0")

# A name that was given once stays in the certificate: without it, who uses that name would be locked out.
IDC_BROKER_NAMES=${IDC_BROKER_NAMES-$(cat "$folder/ca/server.names" 2>/dev/null || true)}
IDC_INFERENCE_NAMES=${IDC_INFERENCE_NAMES-$(cat "$folder/ca/inference.names" 2>/dev/null || true)}
export IDC_BROKER_NAMES IDC_INFERENCE_NAMES
# it says by itself what is wrong
"$here/../broker/bootstrap.sh" "$folder" ${2:+"$2"} >&2 || exit
for service in broker gateway alarm; do
    echo '---'
    kubectl create secret generic "idc-$service" --namespace idc-sentinel --from-file="$folder/$service" \
        --dry-run=client --output yaml
done
