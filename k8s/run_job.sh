#!/usr/bin/env bash
# Creates the Job or pod of a file of jobs/ with the images of the running installation: their registry, their tag, and
# whether they may be pulled, as the gateway's are. Prints its name.
#
#   k8s/run_job.sh FILE      FILE may be - for standard input
#
# Exit codes: 0; 1 the installation is not there, or its images have names of your own; 64 wrong usage.
set -euEo pipefail
trap 'echo "run_job.sh: line $LINENO failed: $BASH_COMMAND" >&2' ERR

file=${1:-}
[[ $file ]] || { echo "usage: run_job.sh FILE" >&2; exit 64; }
box='{.spec.template.spec.containers[0]'
found=$(kubectl --namespace idc-sentinel get statefulset gateway --output "jsonpath=$box.image} $box.imagePullPolicy}")
read -r image policy <<<"$found"
if [[ ! $image =~ ^(.*)idc-sentinel/gateway:([A-Za-z0-9_.-]+)$ ]]; then
    echo "run_job.sh: the gateway's image is $image, so the Job's is unknown: write it into a copy of $file" >&2
    exit 1
fi
registry=${BASH_REMATCH[1]} tag=${BASH_REMATCH[2]}
sed -E "s#(image: )(idc-sentinel/[a-z-]+):.*#\1$registry\2:$tag#; s#(imagePullPolicy: )[A-Za-z]+#\1$policy#" "$file" |
    kubectl create --output name --filename -
