#!/bin/bash
# Refuses a clone whose folder has the name of another one's: compose would take the other stack and its volumes for this
# one's. Who writes COMPOSE_PROJECT_NAME into `.env`, or gives it by -p, has chosen.
#
#   check_clone.sh RECORD PLACE    RECORD: a file in the stack's volumes; PLACE: the clone's folder
#
# IDC_PROJECT: the compose project. Exit codes: 0; 78 these are the volumes of another clone.
set -euEo pipefail
trap 'echo "check_clone.sh: line $LINENO failed: $BASH_COMMAND" >&2' ERR
record=${1:?usage: check_clone.sh RECORD PLACE}
place=$2
owner=$(cat "$record" 2>/dev/null || true)

# as compose makes it of a folder's name
name_of() { # PLACE
    local name=${1##*/}
    sed -E 's/[^a-z0-9_-]//g; s/^[_-]+//' <<<"${name,,}"
}

[[ $place && $place != "$owner" ]] || exit 0
if [[ $owner && ! ${COMPOSE_PROJECT_NAME:-} && ${IDC_PROJECT:-} == "$(name_of "$place")" ]]; then
    echo "settings: the stack $IDC_PROJECT is that of the clone in $owner, and this clone in $place has the same name:" \
        "write COMPOSE_PROJECT_NAME=another-name into .env here; then 'docker compose up' there. If you moved the folder:" \
        "docker compose run --rm --no-deps bootstrap rm -f /secrets/ca/clone" >&2
    exit 78
fi
mkdir -p "$(dirname "$record")"
printf '%s\n' "$place" >"$record"
