# Reads a list of host names and addresses for a certificate. Sourced by bootstrap.sh.

# Prints why an entry is not a valid host name or address, and how to correct it; prints nothing for a valid one.
fault_of_name() { # ENTRY
    local entry=$1 host
    case $entry in
        *://*)
            host=${entry#*://}
            echo "is a URL: write only the host, ${host%%[:/]*}"
            return
            ;;
        */*) echo "has a path or a prefix length: write one host name or address, ${entry%%/*}"; return ;;
        *' '* | *$'\t'* | *';'*) echo "has two names: separate them with a comma"; return ;;
    esac
    if is_ipv4 "$entry" || is_ipv6 "$entry"; then return; fi
    case $entry in
        *:*:*) echo "looks like an IPv6 address but is not valid"; return ;;
        *:*) echo "has a port: write only the host, ${entry%%:*}"; return ;;
        *[!a-z0-9._-]*) echo "has a character that is not valid in a host name: use letters, digits, hyphens and dots (for a name with other letters its xn-- form)"; return ;;
        *[!0-9.]*) ;;
        *) echo "looks like an IPv4 address but is not valid: four numbers from 0 to 255, such as 192.0.2.7"; return ;;
    esac
    [[ ${#entry} -le 253 && ! .$entry. =~ [^.]{64} ]] || { echo "is too long: 63 characters between two dots, 253 in all"; return; }
    [[ .$entry. != *..* && ! .$entry. =~ \.-|-\. ]] || echo "is not a host name: a part must not be empty, or start or end with a hyphen"
}

is_ipv4() {
    local parts part
    [[ $1 =~ ^[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+$ ]] || return 1
    IFS=. read -ra parts <<<"$1"
    for part in "${parts[@]}"; do [[ ${#part} -le 3 && 10#$part -le 255 ]] || return 1; done
}

# OpenSSL decides what is an IPv6 address
is_ipv6() {
    [[ $1 == *:*:* && $1 != *[!0-9a-f:.]* ]] || return 1
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout /dev/null -subj /CN=x \
        -addext "subjectAltName=IP:$1" >/dev/null 2>&1
}

# Prints a list in normal form: lower case, without spaces, empty entries, duplicates or brackets around IPv6 addresses.
# Reports each invalid entry on standard error, and then returns 1.
tidy_names() { # SETTING LIST
    local setting=$1 entries entry fault tidy=() bad=0
    IFS=, read -ra entries <<<"${2//$'\n'/,}"
    for entry in "${entries[@]}"; do
        entry=$(sed -E 's/^[[:space:]]+|[[:space:]]+$//g; s/^\[(.*)\]$/\1/; s/\.$//' <<<"${entry,,}")
        [[ $entry ]] || continue
        fault=$(fault_of_name "$entry")
        if [[ $fault ]]; then
            printf 'bootstrap: %s: "%s" %s\n' "$setting" "$entry" "$fault" >&2
            bad=1
        elif [[ ",$(IFS=,; echo "${tidy[*]-}")," != *",$entry,"* ]]; then
            tidy+=("$entry")
        fi
    done
    (IFS=,; echo "${tidy[*]-}")
    return "$bad"
}

# Prints a list as OpenSSL's subjectAltName: DNS:a,IP:192.0.2.7
subject_alt_names() { # TIDY-LIST
    local entries entry names=()
    IFS=, read -ra entries <<<"$1"
    for entry in "${entries[@]}"; do
        if [[ $entry == *:* || ! $entry =~ [^0-9.] ]]; then names+=("IP:$entry"); else names+=("DNS:$entry"); fi
    done
    (IFS=,; echo "${names[*]}")
}
