#!/bin/bash
# Rejects a clone whose folder has the same name as another clone's: compose would use the other stack and its volumes.
# A project name that is set by COMPOSE_PROJECT_NAME or -p is deliberate and passes.
#
#   check_clone.sh RECORD PLACE    RECORD: a file in the stack's volumes; PLACE: the clone's folder
#
# IDC_PROJECT: the compose project. Exit codes: 0; 78 these are the volumes of another clone.
set -euEo pipefail
trap 'echo "check_clone.sh: line $LINENO failed: $BASH_COMMAND" >&2' ERR
record=${1:?usage: check_clone.sh RECORD PLACE}
place=$2
owner=$(cat "$record" 2>/dev/null || true)

# as compose derives it from a folder's name
name_of() { # PLACE
    local name=${1##*/}
    sed -E 's/[^a-z0-9_-]//g; s/^[_-]+//' <<<"${name,,}"
}

[[ $place && $place != "$owner" ]] || exit 0
if [[ $owner && ! ${COMPOSE_PROJECT_NAME:-} && ${IDC_PROJECT:-} == "$(name_of "$place")" ]]; then
    echo "settings: the stack $IDC_PROJECT belongs to the clone in $owner, and this clone in $place has the same name:" \
        "write COMPOSE_PROJECT_NAME=another-name into .env here; then 'docker compose up' there. If you moved the folder:" \
        "docker compose run --rm --no-deps bootstrap rm -f /secrets/ca/clone" >&2
    exit 78
fi
mkdir -p "$(dirname "$record")"
printf '%s\n' "$place" >"$record"
