#!/bin/bash
# Makes what the stack's services prove themselves with: a certificate authority, the broker's certificate, an MQTT
# password for each account and the first API key. All of it is random and made once; a later run changes only a
# certificate that is near its end or lacks a name.
#
#   bootstrap.sh FOLDER
#
# FOLDER/ca/       ca.key, ca.crt                            stays with this service
# FOLDER/broker/   server.key, server.crt, passwords,        what each of the others gets: its own folder, read-only;
#                  ca.crt, mqtt-password                     these two are the health check's, account `monitor`
# FOLDER/gateway/  ca.crt, mqtt-password, api-key
# FOLDER/alarm/    ca.crt, mqtt-password
# FOLDER/operator/ ca.crt, mqtt-password                     for people with an MQTT client
#
# IDC_BROKER_NAMES: more names of the broker beside `broker` and `localhost`, comma-separated (`pi.lan,192.0.2.7`).
set -euo pipefail
umask 077

folder=${1:?usage: bootstrap.sh FOLDER}
accounts=(gateway alarm operator monitor)
broker_names="broker,localhost,127.0.0.1${IDC_BROKER_NAMES:+,$IDC_BROKER_NAMES}"

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
    rm -f "$folder/broker/server.crt"
}

make_certificate() {
    say "making the broker's certificate for $broker_names"
    openssl ecparam -name prime256v1 -genkey -noout | keep "$folder/broker/server.key"
    openssl req -new -key "$folder/broker/server.key" -subj "/CN=broker" -out "$folder/ca/server.csr"
    {
        echo "subjectAltName=$(subject_alt_names)"
        echo "basicConstraints=critical,CA:FALSE"
        echo "keyUsage=critical,digitalSignature"
        echo "extendedKeyUsage=serverAuth"
    } >"$folder/ca/server.ext"
    openssl x509 -req -in "$folder/ca/server.csr" -CA "$folder/ca/ca.crt" -CAkey "$folder/ca/ca.key" -sha256 -days 397 \
        -set_serial "0x$(openssl rand -hex 16)" -extfile "$folder/ca/server.ext" 2>/dev/null |
        keep "$folder/broker/server.crt"
    printf '%s' "$broker_names" | keep "$folder/ca/server.names"
    rm -f "$folder/ca/server.csr" "$folder/ca/server.ext"
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
thirty_days_s=2592000
if ! openssl x509 -in "$folder/broker/server.crt" -noout -checkend "$thirty_days_s" >/dev/null 2>&1 ||
    [[ $(cat "$folder/ca/server.names" 2>/dev/null) != "$broker_names" ]]; then
    make_certificate
fi
has_all_passwords || make_passwords
for account in "${accounts[@]}"; do
    copy=$(home_of "$account")/ca.crt
    cmp -s "$folder/ca/ca.crt" "$copy" || keep "$copy" <"$folder/ca/ca.crt"
done
if [[ ! -s $folder/gateway/api-key ]]; then
    say "making the first API key"
    printf 'idc_%s\n' "$(random)" | keep "$folder/gateway/api-key"
fi
say "ready. Read the first API key with: make api-key   (docker compose exec gateway cat /run/secrets/idc/api-key)"
