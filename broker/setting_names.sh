# Checks the names in `.env` and in the services' env files. Sourced by check_settings.sh, which has `known` and
# `refuse`.

# Prints the word of standard input with the smallest Levenshtein distance, and that distance.
nearest() { # WORD
    awk -v a="$1" '
        function least(x, y, z) { return x < y ? (x < z ? x : z) : (y < z ? y : z) }
        function distance(b,   i, j, row, diagonal, above) {
            for (j = 0; j <= length(b); j++) row[j] = j
            for (i = 1; i <= length(a); i++) {
                diagonal = row[0]; row[0] = i
                for (j = 1; j <= length(b); j++) {
                    above = row[j]
                    row[j] = least(above + 1, row[j - 1] + 1, diagonal + (substr(a, i, 1) != substr(b, j, 1)))
                    diagonal = above
                }
            }
            return row[length(b)]
        }
        /^[A-Z]/ { d = distance($1); if (best == "" || d < closest) { best = $1; closest = d } }
        END { print best, closest }'
}

check_name_of_env() { # NAME
    local capitals=${1^^} near changes
    if [[ $1 == IDC_OVERLAY_TLS || $1 == IDC_PROJECT ]] || grep -qx "$1" "$known"; then return; fi
    case $capitals in
        GATEWAY_* | INFERENCE_* | SLIDES_* | ALARM_*)
            refuse "$1 in .env reaches no service: write it into $(env_file_of "$capitals")"
            return
            ;;
    esac
    read -r near changes <<<"$(nearest "$capitals" <"$known")"
    if grep -qx "IDC_$capitals" "$known"; then
        near=IDC_$capitals
    elif [[ $capitals != IDC_* && $capitals != COMPOSE_* && $changes -gt 2 ]]; then
        return # a setting of another program
    fi
    refuse "$1 is not a setting: did you mean $near?"
}

env_file_of() { # NAME
    case $1 in
        ALARM_*) echo "alarm.env (alarm-pi.env for a real alarm)" ;;
        *) local service=${1%%_*}; echo "${service,,}.env" ;;
    esac
}

# A value in a compose file overrides the env file. Prints the setting of `.env` that it comes from, `-` if there is
# none, and nothing if no compose file sets it.
set_by_compose() { # FOLDER NAME SECTION...
    local files=("$1/docker-compose.yml") name=$2
    [[ ! ${IDC_OVERLAY_TLS:-} ]] || files+=("$1/docker-compose.tls.yml")
    shift 2
    awk -v name="$name:" -v sections=" $* " '
        /^[a-z-]+:/ { top = $1 }
        /^[a-z-]+:/ || top == "services:" && /^  [a-z-]+:/ { section = substr($1, 1, length($1) - 1) }
        $1 == name && index(sections, " " section " ") {
            if ($2 ~ /^\${IDC_/ && $NF ~ /}$/ && match($2, /IDC_[A-Z0-9_]+/)) source = substr($2, RSTART, RLENGTH)
            else if (!source) source = "-"
        }
        END { print source }
    ' "${files[@]}"
}

check_service_file() { # FOLDER FILE PREFIX SECTION...
    local folder=$1 file=$2 prefix=$3 name capitals source changes
    shift 3
    [[ -r $folder/$file ]] || return 0
    for name in $(sed -nE 's/^[[:space:]]*(export[[:space:]]+)?([A-Za-z_][A-Za-z0-9_]*)[[:space:]]*([=:].*)?$/\2/p' "$folder/$file"); do
        capitals=${name^^}
        case $capitals in
            "$prefix"_*)
                source=$(set_by_compose "$folder" "$capitals" "$@")
                case $source in
                    '') ;;
                    -) refuse "$name in $file would have no effect: docker-compose.yml sets it, and needs that value" ;;
                    *) refuse "$name in $file would have no effect, since docker-compose.yml sets it: write $source into .env" ;;
                esac
                ;;
            GATEWAY_* | INFERENCE_* | SLIDES_* | ALARM_*) refuse "$name in $file reaches no service: write it into $(env_file_of "$capitals")" ;;
            IDC_* | COMPOSE_*) refuse "$name in $file reaches nothing: write it into .env" ;;
            *)
                read -r _ changes <<<"$(nearest "${capitals%%_*}" <<<"$prefix")"
                [[ $changes -gt 2 ]] || refuse "$name in $file is not a setting: they begin with ${prefix}_"
                ;;
        esac
    done
}
