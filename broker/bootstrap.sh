#!/bin/bash
# Makes the stack's secrets: a certificate authority, the broker's certificate, an MQTT password and a client
# certificate for each account, and the first API key. All of it is random and made once; a later run replaces only a
# certificate that expires soon, lacks a name or does not match its key or the authority.
#
#   bootstrap.sh FOLDER           make what is missing
#   bootstrap.sh FOLDER rotate    and make every certificate again, with the same authority
#
# FOLDER/ca/       ca.key, ca.crt                            stays with this service
# FOLDER/broker/   server.key, server.crt, passwords,        each of the others gets its own folder, read-only;
#                  for the health check, account `monitor`: ca.crt, mqtt-password, client.key, client.crt
# FOLDER/gateway/  ca.crt, mqtt-password, client.key, client.crt, api-key, metrics-key, inference-key
# FOLDER/alarm/    ca.crt, mqtt-password, client.key, client.crt
# FOLDER/metrics/  metrics-key                               for Prometheus
# FOLDER/operator/ ca.crt, mqtt-password, client.key, client.crt    for people with an MQTT client
# FOLDER/slides/   ca.crt, inference-key
# FOLDER/inference/ server.key, server.crt, inference-key    for inference on another machine, if it has a name
#
# IDC_BROKER_NAMES: names of the broker in addition to `broker` and `localhost`, comma-separated (`pi.lan,192.0.2.7`).
# IDC_INFERENCE_NAMES: names of inference on another machine, in the same form.
#
# Exit codes: 0; 64 wrong usage; 73 a file cannot be made; 78 a setting is wrong. One line says why.
set -euEo pipefail
umask 077
. "$(dirname "$0")/certificate_names.sh"

# Whatever fails, report the line and the command once.
fail() { printf 'bootstrap: %s\n' "$*" >&2; trap - ERR; exit 73; }
trap 'fail "line $LINENO failed: $BASH_COMMAND"' ERR

usage="usage: bootstrap.sh FOLDER [rotate]"
folder=${1:?$usage}
case ${2:-} in '' | rotate) rotate=${2:-} ;; *) echo "$usage" >&2; exit 64 ;; esac
accounts=(gateway alarm operator monitor)
thirty_days_s=2592000
authority_extensions="basicConstraints=critical,CA:TRUE,pathlen:0
keyUsage=critical,keyCertSign,cRLSign
subjectKeyIdentifier=hash"
broker_names=$(tidy_names IDC_BROKER_NAMES "broker,localhost,127.0.0.1,${IDC_BROKER_NAMES:-}") || exit 78
inference_names=$(tidy_names IDC_INFERENCE_NAMES "${IDC_INFERENCE_NAMES:-}") || exit 78

say() { printf 'bootstrap: %s\n' "$*"; }

random() { openssl rand -hex 32; }

# A file appears complete or not at all, so the next run repairs an interrupted one.
keep() {
    { rm -f "$1.new" && cat >"$1.new" && test -s "$1.new" && chmod 400 "$1.new" && mv -f "$1.new" "$1"; } ||
        fail "cannot write $1: is the disk full, or does the folder not belong to account $(id -u)?"
}

home_of() { if [[ $1 == monitor ]]; then echo "$folder/broker"; else echo "$folder/$1"; fi; }

mkdir -p "$folder/ca" || fail "cannot make $folder/ca: give account $(id -u) write permission there"
for account in "${accounts[@]}" metrics inference slides; do mkdir -p "$(home_of "$account")"; done

# Signs a request from standard input, valid from yesterday: a Pi's clock may be behind this machine's. `openssl ca` is
# the only command of OpenSSL 3.0 that accepts a start date. Without more options it signs with the authority.
sign() { # DAYS EXTENSIONS OPTION...
    local days=$1 extensions=$2 work
    shift 2
    work=$(mktemp -d)
    : >"$work/index.txt"
    printf '%s\n' "[ca]" "default_ca=a" "[a]" "database=$work/index.txt" "new_certs_dir=$work" "rand_serial=yes" \
        "default_md=sha256" "policy=p" "x509_extensions=e" "[p]" "commonName=supplied" "[e]" "$extensions" >"$work/ca.conf"
    cat >"$work/request"
    if ! openssl ca -batch -notext -config "$work/ca.conf" -in "$work/request" -keyfile "$folder/ca/ca.key" \
        -startdate "$(date -u -d '1 day ago' +%Y%m%d%H%M%SZ)" -enddate "$(date -u -d "$days days" +%Y%m%d%H%M%SZ)" \
        "${@:--cert=$folder/ca/ca.crt}" 2>"$work/errors"; then
        cat "$work/errors" >&2
        rm -r "$work"
        return 1
    fi
    rm -r "$work"
}

make_authority() {
    say "making a certificate authority"
    openssl ecparam -name prime256v1 -genkey -noout | keep "$folder/ca/ca.key"
    openssl req -new -key "$folder/ca/ca.key" -subj "/CN=IDC Sentinel local authority" |
        sign 3650 "$authority_extensions" -selfsign | keep "$folder/ca/ca.crt"
}

make_certificate() { # FILE-WITHOUT-SUFFIX COMMON-NAME EXTENSION...
    local file=$1 name=$2 key extensions
    shift 2
    key=$(openssl ecparam -name prime256v1 -genkey -noout)
    extensions=$(printf '%s\n' "basicConstraints=critical,CA:FALSE" "keyUsage=critical,digitalSignature" \
        "subjectKeyIdentifier=hash" "authorityKeyIdentifier=keyid" "$@")
    openssl req -new -key /dev/stdin -subj "/CN=$name" <<<"$key" | sign 397 "$extensions" | keep "$file.crt.next"
    # if a run ends between these two, the next one sees that they do not match
    keep "$file.key" <<<"$key"
    mv -f "$file.crt.next" "$file.crt"
}

# Signed by this authority, valid for another 30 days, and matching its key.
is_good() { # FILE-WITHOUT-SUFFIX
    [[ -s $1.key && -s $1.crt ]] || return 1
    openssl verify -CAfile "$folder/ca/ca.crt" "$1.crt" >/dev/null 2>&1 || return 1
    openssl x509 -in "$1.crt" -noout -checkend "$thirty_days_s" >/dev/null 2>&1 || return 1
    [[ $(openssl x509 -in "$1.crt" -noout -pubkey) == "$(openssl pkey -in "$1.key" -pubout)" ]]
}

# The names are recorded next to the authority, so that a change is noticed.
keep_server_certificate() { # SERVICE NAMES
    local file=$folder/$1/server record=$folder/ca/$1.names
    [[ $1 == broker ]] && record=$folder/ca/server.names
    if [[ ! $rotate && $(cat "$record" 2>/dev/null) == "$2" ]] && is_good "$file"; then return; fi
    say "making the certificate of $1 for $2"
    make_certificate "$file" "$1" "extendedKeyUsage=serverAuth" "subjectAltName=$(subject_alt_names "$2")"
    printf '%s' "$2" | keep "$record"
}

# One random key in the folders of all services that share it; the first folder's copy is authoritative.
share_key() { # NAME FOLDER...
    local name=$1 first=$2 home
    shift
    [[ -s $folder/$first/$name ]] || random | keep "$folder/$first/$name"
    for home in "$@"; do
        cmp -s "$folder/$first/$name" "$folder/$home/$name" || keep "$folder/$home/$name" <"$folder/$first/$name"
    done
}

make_client_certificate() { # ACCOUNT
    say "making the certificate of $1"
    make_certificate "$(home_of "$1")/client" "$1" "extendedKeyUsage=clientAuth"
}

make_passwords() {
    say "making the broker's accounts: ${accounts[*]}"
    : >"$folder/broker/passwords.new"
    for account in "${accounts[@]}"; do
        random | keep "$(home_of "$account")/mqtt-password"
        # mosquitto_passwd -U hashes a file of name:password lines, so no password appears on a command line
        printf '%s:%s\n' "$account" "$(cat "$(home_of "$account")/mqtt-password")" >>"$folder/broker/passwords.new"
    done
    mosquitto_passwd -U "$folder/broker/passwords.new"
    chmod 400 "$folder/broker/passwords.new"
    mv -f "$folder/broker/passwords.new" "$folder/broker/passwords"
}

has_all_passwords() {
    [[ -s $folder/broker/passwords ]] || return 1
    local account
    for account in "${accounts[@]}"; do [[ -s $(home_of "$account")/mqtt-password ]] || return 1; done
}

# an expired authority is useless, wherever its certificate was copied to
openssl x509 -in "$folder/ca/ca.crt" -noout -checkend 0 >/dev/null 2>&1 || make_authority
keep_server_certificate broker "$broker_names"
if [[ $inference_names ]]; then
    cmp -s "$folder/ca/ca.crt" "$folder/inference/ca.crt" || keep "$folder/inference/ca.crt" <"$folder/ca/ca.crt"
    keep_server_certificate inference "$inference_names"
fi
cmp -s "$folder/ca/ca.crt" "$folder/slides/ca.crt" || keep "$folder/slides/ca.crt" <"$folder/ca/ca.crt"
for account in "${accounts[@]}"; do
    copy=$(home_of "$account")/ca.crt
    cmp -s "$folder/ca/ca.crt" "$copy" || keep "$copy" <"$folder/ca/ca.crt"
    if [[ $rotate ]] || ! is_good "$(home_of "$account")/client"; then make_client_certificate "$account"; fi
done
has_all_passwords || make_passwords
if [[ ! -s $folder/gateway/api-key ]]; then
    say "making the first API key"
    printf 'idc_%s\n' "$(random)" | keep "$folder/gateway/api-key"
fi
share_key metrics-key metrics gateway
share_key inference-key gateway inference slides
say "ready. The first API key is in gateway/api-key; with Compose, read it with: make api-key"
