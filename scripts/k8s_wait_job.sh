#!/usr/bin/env bash
# Waits until a Job has ended: exit code 0 if it is complete, 1 if it failed, 2 if its pods cannot start.
# `kubectl wait --for=condition=complete` never returns for a failed Job.
#
#   scripts/k8s_wait_job.sh NAME      NAME may be what `kubectl create -o name` prints
#
# NAMESPACE: the namespace (default: idc-sentinel). IDC_POLL_S: seconds between polls (default: 5).
set -euEo pipefail
trap 'echo "k8s_wait_job.sh: line $LINENO failed: $BASH_COMMAND" >&2' ERR
job=${1:?usage: k8s_wait_job.sh NAME}
job=${job##*/}
namespace=${NAMESPACE:-idc-sentinel}
# an image or volume may still arrive; after this many polls in a row it counts as missing
max_stuck=12

get() { kubectl --namespace "$namespace" get "$@"; }

# of each pod its phase, what its containers wait for, and what is not true of it
of_pods='{range .items[*].status}{.phase}{" "}{end}'
for kind in initContainerStatuses containerStatuses; do
    of_pods+="{range .items[*].status.${kind}[*].state.waiting}{.reason}{\" \"}{end}"
done
of_pods+='{range .items[*].status.conditions[?(@.status=="False")]}{.reason}{" "}{end}'

stuck=0
while true; do
    conditions=$(get job "$job" --output 'jsonpath={range .status.conditions[?(@.status=="True")]}{.type}{" "}{end}')
    case " $conditions " in
        *" Complete "*) echo "job $job: complete"; exit 0 ;;
        *" Failed "*)
            reason=$(get job "$job" --output 'jsonpath={.status.conditions[?(@.type=="Failed")].message}')
            echo "job $job: failed: $reason. Its log: kubectl --namespace $namespace logs job/$job" >&2
            exit 1 ;;
    esac
    reasons=$(get pods --selector "job-name=$job" --output "jsonpath=$of_pods")
    case " $reasons" in
        # the others wait until these are done, where a node has no room for all
        *" Running "*) stuck=0 ;;
        *ErrImage* | *ImagePullBackOff* | *CreateContainerConfigError* | *Unschedulable*) stuck=$((stuck + 1)) ;;
        *) stuck=0 ;;
    esac
    if [[ $stuck -ge $max_stuck ]]; then
        echo "job $job: its pods do not start: $reasons. See: kubectl --namespace $namespace describe pods --selector job-name=$job" >&2
        exit 2
    fi
    sleep "${IDC_POLL_S:-5}"
done
