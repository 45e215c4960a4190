#!/bin/bash
# Makes what the stack's services prove themselves with: a certificate authority, the broker's certificate, an MQTT
# password and a client's certificate for each account and the first API key. All of it is random and made once; a
# later run changes only a certificate that is near its end, lacks a name or does not fit its key.
#
#   bootstrap.sh FOLDER           make what is missing
#   bootstrap.sh FOLDER rotate    and make every certificate anew, by the same authority
#
# FOLDER/ca/       ca.key, ca.crt                            stays with this service
# FOLDER/broker/   server.key, server.crt, passwords,        what each of the others gets: its own folder, read-only;
#                  and the health check's, account `monitor`: ca.crt, mqtt-password, client.key, client.crt
# FOLDER/gateway/  ca.crt, mqtt-password, client.key, client.crt, api-key, metrics-key
# FOLDER/alarm/    ca.crt, mqtt-password, client.key, client.crt
# FOLDER/metrics/  metrics-key                               for who watches the gateway's figures
# FOLDER/operator/ ca.crt, mqtt-password, client.key, client.crt    for people with an MQTT client
#
# IDC_BROKER_NAMES: more names of the broker beside `broker` and `localhost`, comma-separated (`pi.lan,192.0.2.7`).
set -euo pipefail
umask 077

usage="usage: bootstrap.sh FOLDER [rotate]"
folder=${1:?$usage}
case ${2:-} in '' | rotate) rotate=${2:-} ;; *) echo "$usage" >&2; exit 64 ;; esac
accounts=(gateway alarm operator monitor)
broker_names="broker,localhost,127.0.0.1${IDC_BROKER_NAMES:+,$IDC_BROKER_NAMES}"
thirty_days_s=2592000

say() { printf 'bootstrap: %s\n' "$*"; }

random() { openssl rand -hex 32; }

# A file appears whole or not at all, so that an interrupted run is mended by the next.
keep() { cat >"$1.new" && test -s "$1.new" && chmod 400 "$1.new" && mv -f "$1.new" "$1"; }

home_of() { if [[ $1 == monitor ]]; then echo "$folder/broker"; else echo "$folder/$1"; fi; }

mkdir -p "$folder/ca"
for account in "${accounts[@]}"; do mkdir -p "$(home_of "$account")"; done

subject_alt_names() {
    printf '%s\n' "$broker_names" | tr ',' '\n' | while read -r name; do
        case $name in
            *[!0-9.]*) printf 'DNS:%s\n' "$name" ;;
            *) printf 'IP:%s\n' "$name" ;;
        esac
    done | paste -s -d, -
}

make_authority() {
    say "making a certificate authority"
    openssl ecparam -name prime256v1 -genkey -noout | keep "$folder/ca/ca.key"
    openssl req -x509 -new -key "$folder/ca/ca.key" -sha256 -days 3650 -subj "/CN=IDC Sentinel local authority" \
        -addext "basicConstraints=critical,CA:TRUE,pathlen:0" -addext "keyUsage=critical,keyCertSign,cRLSign" |
        keep "$folder/ca/ca.crt"
    # what another authority signed is no use any more
    find "$folder" -name server.crt -delete -o -name client.crt -delete
}

make_certificate() { # FILE-WITHOUT-SUFFIX COMMON-NAME EXTENSION...
    local file=$1 name=$2 key request extensions
    shift 2
    key=$(openssl ecparam -name prime256v1 -genkey -noout)
    request=$(openssl req -new -key /dev/stdin -subj "/CN=$name" <<<"$key")
    extensions=$(printf '%s\n' "basicConstraints=critical,CA:FALSE" "keyUsage=critical,digitalSignature" "$@")
    openssl x509 -req -in <(echo "$request") -CA "$folder/ca/ca.crt" -CAkey "$folder/ca/ca.key" -sha256 -days 397 \
        -set_serial "0x$(openssl rand -hex 16)" -extfile <(echo "$extensions") 2>/dev/null | keep "$file.crt.next"
    # the two follow each other at once; should a run end between them, the next sees that they do not fit
    keep "$file.key" <<<"$key"
    mv -f "$file.crt.next" "$file.crt"
}

is_good() { # FILE-WITHOUT-SUFFIX
    [[ -s $1.key && -s $1.crt ]] || return 1
    openssl x509 -in "$1.crt" -noout -checkend "$thirty_days_s" >/dev/null 2>&1 || return 1
    [[ $(openssl x509 -in "$1.crt" -noout -pubkey) == "$(openssl pkey -in "$1.key" -pubout)" ]]
}

make_server_certificate() {
    say "making the broker's certificate for $broker_names"
    make_certificate "$folder/broker/server" broker "extendedKeyUsage=serverAuth" "subjectAltName=$(subject_alt_names)"
    printf '%s' "$broker_names" | keep "$folder/ca/server.names"
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
        # mosquitto_passwd -U hashes a file of name:password lines, so that no password stands on a command line
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

[[ -s $folder/ca/ca.crt ]] || make_authority
if [[ $rotate || $(cat "$folder/ca/server.names" 2>/dev/null) != "$broker_names" ]] || ! is_good "$folder/broker/server"; then
    make_server_certificate
fi
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
if [[ ! -s $folder/metrics/metrics-key ]]; then
    mkdir -p "$folder/metrics"
    random | keep "$folder/metrics/metrics-key"
fi
cmp -s "$folder/metrics/metrics-key" "$folder/gateway/metrics-key" ||
    keep "$folder/gateway/metrics-key" <"$folder/metrics/metrics-key"
say "ready. Read the first API key with: make api-key   (docker compose exec gateway cat /run/secrets/idc/api-key)"
