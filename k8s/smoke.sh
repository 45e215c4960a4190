#!/usr/bin/env bash
# Tries a running installation on any cluster that `kubectl` reaches: everything rolled out, one patch and, where the
# service of slides runs, one slide; then kills each pod and checks that nothing was lost.
#
#   k8s/smoke.sh [--patch FILE] [--slide FILE] [--ring] [--keep-pods]
#
#   --patch FILE   a patch of 50 x 50 px to classify; by default a plain one, which is `uncertain`
#   --slide FILE   a slide to upload and screen; by default a made one of 1 mm x 1 mm, which is removed at the end
#   --ring         have each alarm test its lamps and buzzer
#   --keep-pods    kill nothing
#
# It adds one result for each step, with the label patient=smoke, and says at the end what it did not try. Needs kubectl,
# curl and jq. NAMESPACE: idc-sentinel. TIMEOUT_S: longest wait for one thing (300). Exit codes: 0; 1 a check failed, and a
# line says which; 64 wrong usage.
set -euEo pipefail
trap 'echo "smoke.sh: line $LINENO failed: $BASH_COMMAND" >&2' ERR

namespace=${NAMESPACE:-idc-sentinel}
timeout_s=${TIMEOUT_S:-300}
ours=app.kubernetes.io/part-of=idc-sentinel
patch='' slide='' ring='' keep_pods=''
while [[ $# -gt 0 ]]; do
    case $1 in
        --patch) patch=${2:?--patch FILE}; shift ;;
        --slide) slide=${2:?--slide FILE}; shift ;;
        --ring) ring=yes ;;
        --keep-pods) keep_pods=yes ;;
        *) sed -n '2,/^set /s/^# \{0,1\}//p' "$0" >&2; exit 64 ;;
    esac
    shift
done
for program in kubectl curl jq; do
    command -v "$program" >/dev/null || { echo "smoke.sh: install $program" >&2; exit 64; }
done

work=$(mktemp -d)
forward='' url='' screened='' not_tried=''
cleanup() { [[ ! $forward ]] || kill "$forward" 2>/dev/null || true; rm -rf "$work"; }
trap cleanup EXIT

say() { printf '%s %s\n' "$(date +%H:%M:%S)" "$*"; }
fail() { printf 'smoke.sh: %s\n' "$*" >&2; trap - ERR; exit 1; }
kube() { kubectl --namespace "$namespace" "$@"; }

wait_until() { # WHAT COMMAND...
    local what=$1 until=$((SECONDS + timeout_s)) said
    shift
    until "$@" >"$work/said" 2>&1; do
        if [[ $SECONDS -ge $until ]]; then
            said=$(tail -n 1 "$work/said")
            fail "after $timeout_s s still not true: $what${said:+ ($said)}"
        fi
        sleep 1
    done
}

# A pod that is killed takes the forwarded port with it. Where this fails, as it does while there is no pod, the caller
# tries again.
reach_gateway() {
    [[ ! $forward ]] || kill "$forward" 2>/dev/null || true
    rm -f "$work/forward" # what the last one wrote names a dead port
    kube port-forward service/gateway :8080 >"$work/forward" 2>&1 &
    forward=$!
    for _ in {1..100}; do
        url=$(sed -n 's#^Forwarding from \(127.0.0.1:[0-9]*\).*#http://\1#p' "$work/forward" 2>/dev/null || true)
        [[ ! $url ]] || return 0
        kill -0 "$forward" 2>/dev/null || break
        sleep 0.2
    done
    echo "no port is forwarded: $(tail -n 1 "$work/forward")" >&2
    return 1
}

ask() { # PATH CURL-OPTION...
    local path=$1
    shift
    curl --silent --show-error --fail-with-body --noproxy '*' --max-time 60 --header @"$work/key" "$@" "$url$path"
}

gateway_answers() { ask /livez || { reach_gateway && ask /livez; }; }
gateway_ready() { gateway_answers && ask /readyz; }

rollout() {
    local workload
    for workload in $(kube get statefulset,deployment,daemonset --selector "$ours" --output name); do
        kube rollout status "$workload" --timeout "${timeout_s}s" >/dev/null ||
            fail "$workload is not ready: kubectl -n $namespace describe $workload"
    done
}

classify() { # prints the result's id
    ask "/api/v1/classifications?patient=smoke" --header 'Content-Type: image/png' --data-binary @"$patch" --request POST |
        jq --raw-output --exit-status '.items[0].id'
}

results=()
one_patch() { # WHAT
    local id
    id=$(classify) || fail "$1: the patch was not classified: $(ask /readyz || true)"
    results+=("$id")
    say "$1: result $id"
}

alarms_online() { # NUMBER
    [[ $(ask /api/v1/alarms | jq '[.items[] | select(.online)] | length') -ge $1 ]]
}

outbox_empty() { [[ $(ask /api/v1/status | jq .outbox.waiting) == 0 ]]; }

check_survivors() { # WHAT
    local id
    for id in "${results[@]}"; do
        ask "/api/v1/classifications/$id" >/dev/null || fail "$1: result $id is lost"
    done
    [[ $(ask /api/v1/audit/verification | jq .intact) == true ]] || fail "$1: the audit chain is broken"
    wait_until "$1: every message reached the broker" outbox_empty
    wait_until "$1: $alarms alarms are online" alarms_online "$alarms"
}

credentials() {
    local name
    for name in authority gateway alarm broker; do
        kube get secret "idc-$name" --output json | jq --sort-keys '.data | del(.["server.crt", "server.key", "client.crt", "client.key"])'
    done | sha256sum
}

slide_state() { ask "/api/v1/slides/$1" | jq --raw-output .state; }
slide_ended() { [[ $(slide_state "$1") =~ ^(done|failed|cancelled|needs_scale)$ ]]; }
slide_kept() { [[ $(slide_state "$1") == 'done' ]]; }

# Findings that nobody has acknowledged yet, by alarm.
latched() { ask /api/v1/alarms | jq --compact-output '[.items[] | select(.latched_by) | [.device, .latched_by]] | sort'; }
still_latched() { [[ $(latched) == "$1" ]]; }

# Those of services: a person's pod and a Job's would not come back.
pods_of_services() {
    kube get pods --selector "$ours" --field-selector status.phase=Running --output json |
        jq --raw-output '.items[] | select(.metadata.ownerReferences[0].kind | IN("StatefulSet", "ReplicaSet", "DaemonSet")) | .metadata.name'
}

made_slide() { # prints a TIFF of 256 x 256 px at 4 µm/px, with 0.6 mm² of pink and purple: too little for a finding
    base64 --decode <<<'H4sIAAAAAAACA+3bMUorURQG4DuJijax0kItbikWLkHEaJHCyg0YMcVAGMGMRTbgOlyCa5AUVi7B2lpdgDdmAlOJBpEYPt6nb/C9857Iz+EchtPp7IXVEMJ6CNlSyNLT+FNWe25kzdBMjw/po5mes8mXw0r13EgfrawRDtLvj+ljo/r6uGYrW67+bgjb1XMrfdqp/Tu7tb9/VPt/27Xn4+p5M306mX79syKk737867R72YsXw9g5bsezXlHmRa8fy6tYXg9jt4h5MSi7/X63zK+K/dgpYz6IRfrTfDC46e2H0drke5n+/vb6DgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA/LHnuxELTMK/9nL/xAKT8G/m//zwNpnth6x2bmslXP7lH/OP+Qf7r/0X/V//R/7lH9viYtdKuPzLP/Zf+y/mf/M/8i//yL/8Y21c7FoJ/+n+O/nZzrZtqZ23Wgn/3flHp/1ftRIu//KP/df+i/zLP97/ev+L/q//Y0l0/yj/siT/5h/MP/Zf7L/6P/q//CP/8m/TdP8o/7Ik//Zf7L/mf8z/8o/8yz/y7/5Xrftf979q3f+6f1Tr/lH+1cq//Rf7r/wj/97/4v2v/o/+7/5RrftH+Vcr/+YfzD/2X+y/+j/6v/wj/+4f1bp/lH+18m//xf5r/sf8L//Iv/wj/+5/1cq/+1+19l/3j2rdP8q/Wvm3/yL/8o+Ee//r/S/6v/6P+0f3j8i//GP+Mf9gQ7T/6v/o//KP/Mu/TdP9o/zLkvzbf7H/6v+Y/+Uf+Zd/5N/9r5XT/a/7X7Xuf90/qnX/KP9q5d/+i/1X/pF/73/x/lf/R/93/6jW/aP8q5V/8w/mH/sv9l/9H/1f/pF/949q3T/Kv1r5t/9i/zX/Y/6Xf+Rf/pF/979q3f+6/1Xr/tf9o1r3j/KvVv7tv5j/5R/59/4X+6/+j/7v/lGthMu//GP+Mf9g/7X/ov/r/8i//GNbdP8o/7Ik//Zf7L/6P+Z/+Uf+5R/5d/9r5XT/6/7XLa37X/OPTuv+Uf7lUP7tv9h/5R/59/4X73/1f/R/949q3T/Kv1r5N/9g/rH/Yv/V/9H/5R/5d/+o1v2j/KuVf/sv9l/zP+Z/+Uf+5R/5d/+r1v2v+1+17n/dP6p1/yj/auXf/ov9V/6Rf+9/sf/q/+j/7h/Vyr/8q5V/8w/yb/9FwvV//R/5l3/cP7p/RP7lH/uv/RcTsvlf/pF/+Uf+5d/a6P7X/a9bWve/5h+d1v2j/MuS/Ms/9l/5R/4BAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAICvfQBg4YUJFgEDAA==' | gzip --decompress
}

one_slide() { # FILE
    local slide=$1 name length place id
    name=$(basename "$slide" | tr -d '\n' | base64 --wrap=0)
    length=$(wc -c <"$slide")
    place=$(ask /api/v1/slides/uploads --request POST --header 'Tus-Resumable: 1.0.0' --header "Upload-Length: $length" \
        --header "Upload-Metadata: filename $name" --dump-header - --output "$work/answer" |
        tr -d '\r' | sed -n 's/^location: *//Ip')
    [[ $place ]] || fail "the slide's upload was refused: $(cat "$work/answer")"
    # no limit of time: the file may be large
    id=$(ask "/api/v1/slides/uploads/${place##*/}" --max-time 0 --request PATCH --header 'Tus-Resumable: 1.0.0' \
        --header 'Upload-Offset: 0' --header 'Content-Type: application/offset+octet-stream' --upload-file "$slide" \
        --dump-header - --output "$work/answer" | tr -d '\r' | sed -n 's/^x-idc-slide: *//Ip')
    id=${id##*/}
    [[ $id ]] || fail "the slide's upload failed: $(cat "$work/answer")"
    wait_until "slide $id has ended" slide_ended "$id"
    [[ $(slide_state "$id") == 'done' ]] || fail "slide $id: $(ask "/api/v1/slides/$id")"
    say "one slide: $id is done"
    screened=$id
}

kill_pod() { # NAME
    local findings
    findings=$(latched)
    say "killing $1"
    kube delete pod "$1" --wait=true --timeout "${timeout_s}s" >/dev/null
    rollout
    wait_until "the gateway is ready" gateway_ready
    one_patch "after $1"
    check_survivors "after $1"
    wait_until "after $1: what was latched still is: $findings" still_latched "$findings"
    [[ ! $screened ]] || wait_until "after $1: slide $screened is there" slide_kept "$screened"
}

say "rollout"
rollout
[[ $patch ]] || {
    patch=$work/patch.png
    base64 --decode >"$patch" <<<'iVBORw0KGgoAAAANSUhEUgAAADIAAAAyCAIAAACRXR/mAAAAPUlEQVR42u3OAQkAAAgDsPdPYRxr2MQaCoMFWKb6oGhpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWn9ai0tB1IvMOFMAQAAAABJRU5ErkJggg=='
}
(umask 077 && printf 'Authorization: Bearer %s\n' "$(kube get secret idc-gateway --output 'go-template={{index .data "api-key" | base64decode}}')" >"$work/key")
wait_until "the gateway is ready" gateway_ready
alarms=$(kube get daemonset alarm --output 'jsonpath={.status.desiredNumberScheduled}')
[[ $alarms -ge 1 ]] || fail "no node runs an alarm: kubectl label node NODE idc.dev/alarm=true"
one_patch "one patch"
check_survivors "one patch"
if [[ $ring ]]; then
    for device in $(ask /api/v1/alarms | jq --raw-output '.items[] | select(.online) | .device'); do
        ask "/api/v1/alarms/$device/tests" --request POST --header 'Content-Type: application/json' --data '{}' >/dev/null
        say "alarm $device tests its lamps and buzzer"
    done
else
    not_tried+=", lamps and buzzer (--ring)"
fi
if kube get statefulset slides >/dev/null 2>&1; then
    [[ $slide ]] || made_slide >"$work/smoke-made-slide.tif"
    one_slide "${slide:-$work/smoke-made-slide.tif}"
else
    [[ ! $slide ]] || fail "the service of slides does not run: components/slides"
    not_tried+=", a slide (the service of slides does not run)"
fi

say "bootstrap again: nothing may change"
before=$(credentials)
kube delete job smoke-renewal --ignore-not-found >/dev/null
kube create job smoke-renewal --from=cronjob/renew-certificates >/dev/null
"$(dirname "$0")/../scripts/k8s_wait_job.sh" smoke-renewal >/dev/null
kube delete job smoke-renewal >/dev/null
[[ $(credentials) == "$before" ]] || fail "the bootstrap changed a password, a key or the authority"

if [[ ! $keep_pods ]]; then
    for pod in $(pods_of_services); do
        # a Deployment's pods change their names when one is killed
        if kube get pod "$pod" >/dev/null 2>&1; then kill_pod "$pod"; fi
    done
else
    not_tried+=", killing pods (--keep-pods)"
fi
[[ $slide || ! $screened ]] || ask "/api/v1/slides/$screened" --request DELETE >/dev/null
[[ ! $not_tried ]] || say "not tried: ${not_tried#, }"
say "everything works, and nothing was lost: ${#results[@]} results"
