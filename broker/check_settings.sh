#!/bin/bash
# Rejects settings in `.env` and the services' env files that nothing reads or that contradict each other, before any
# service starts. Compose ignores names that it does not know. Run by prepare.sh, whose environment holds all of `.env`.
#
#   check_settings.sh [FOLDER]    FOLDER: the clone, with docker-compose.yml and the services' env files
#
# Exit codes: 0; 78 a setting is wrong, with a line for each.
set -euEo pipefail
trap 'echo "check_settings.sh: line $LINENO failed: $BASH_COMMAND" >&2' ERR
known=$(dirname "$0")/known-settings.txt
profiles=(ncs observability pi train)
bad=0

hint() { printf 'settings: %s\n' "$*" >&2; }
refuse() { printf 'settings: %s\n' "$*" >&2; bad=1; }

. "$(dirname "$0")/setting_names.sh"
. "$(dirname "$0")/certificate_names.sh"

for name in $(compgen -e | sort); do check_name_of_env "$name"; done
if [[ ${1:-} ]]; then
    check_service_file "$1" gateway.env GATEWAY gateway
    check_service_file "$1" inference.env INFERENCE inference inference-ncs
    check_service_file "$1" slides.env SLIDES slides
    check_service_file "$1" alarm.env ALARM x-alarm alarm
    check_service_file "$1" alarm-pi.env ALARM x-alarm alarm-pi
fi

IFS=, read -ra asked <<<"${COMPOSE_PROFILES:-}"
for profile in "${asked[@]}"; do
    [[ " ${profiles[*]} * " == *" ${profile// /} "* ]] || refuse "COMPOSE_PROFILES: no service has the profile '$profile': use one of ${profiles[*]}"
done

for name in IDC_PRETEND_ALARM IDC_LOCAL_INFERENCE; do
    [[ ${!name:-1} == [01] ]] || refuse "$name is '${!name}': write 1 to run it here, 0 to leave it out"
done

for name in IDC_SITE IDC_PI_DEVICE; do
    [[ ${!name:-site} =~ ^[a-z0-9][a-z0-9-]{0,62}$ ]] ||
        refuse "$name is '${!name}': it is a level of MQTT topics, write lower-case letters, digits and hyphens"
done
case ${IDC_MUTUAL_TLS:-off} in on | off) ;; *) refuse "IDC_MUTUAL_TLS is '$IDC_MUTUAL_TLS': write on or off" ;; esac
case ${IDC_SLIDES_INTERNAL:-true} in true | false) ;; *) refuse "IDC_SLIDES_INTERNAL is '$IDC_SLIDES_INTERNAL': write true or false" ;; esac
[[ ${IDC_MINIMUM_IDC_MM2:-1} =~ ^[0-9]+(\.[0-9]+)?$ ]] ||
    refuse "IDC_MINIMUM_IDC_MM2 is '$IDC_MINIMUM_IDC_MM2': write an area in mm2, such as 1 or 0.5"
if [[ ${IDC_LOCAL_INFERENCE:-1} == 0 && ! ${IDC_INFERENCE_URL:-} ]]; then
    refuse "IDC_LOCAL_INFERENCE=0 runs no inference here: name the other machine's with IDC_INFERENCE_URL=https://NAME:8443"
fi
# used in links and in Caddy's certificate, so an IPv6 address needs brackets
domain=${IDC_DOMAIN:-}
domain=${domain,,}
bare=${domain#[}
fault=$(fault_of_name "${bare%]}")
[[ $fault || $bare != "$domain" ]] || ! is_ipv6 "$domain" || fault="is an IPv6 address: write it in brackets, [$domain]"
[[ ! $domain || ! $fault ]] || refuse "IDC_DOMAIN: '$IDC_DOMAIN' $fault"
[[ ${IDC_TLS:-internal} =~ ^(internal|[^@[:space:]]+@[^@[:space:]]+)$ ]] ||
    refuse "IDC_TLS is '$IDC_TLS': write internal, or an e-mail address for a certificate of Let's Encrypt"
url='https?://(\[[0-9a-fA-F:.]+\]|[^][/:[:space:]]+)(:[0-9]+)?(/[^/[:space:]]+)*/?'
IFS=, read -ra addresses <<<"${IDC_INFERENCE_URL:-}"
for address in "${addresses[@]/#/IDC_INFERENCE_URL }" ${IDC_PUBLIC_URL:+"IDC_PUBLIC_URL $IDC_PUBLIC_URL"}; do
    [[ $address =~ ^[A-Z_]+\ +$url\ *$ ]] ||
        refuse "${address%% *} is '${address#* }': write an address such as http://pc.lan:8080"
done
if [[ ${IDC_DOMAIN:-} && ! ${IDC_OVERLAY_TLS:-} ]]; then
    refuse "IDC_DOMAIN requests HTTPS, but without docker-compose.tls.yml plain HTTP would be served:" \
        "add COMPOSE_FILE=docker-compose.yml:docker-compose.tls.yml to .env, or remove IDC_DOMAIN"
fi
if [[ ! ${IDC_OVERLAY_TLS:-} ]]; then
    case ${IDC_HTTP_BIND:-127.0.0.1} in
        127.* | localhost | ::1 | '[::1]') ;;
        *)
            hint "plain HTTP on $IDC_HTTP_BIND, as IDC_HTTP_BIND says: everybody on that network can read keys," \
                "passwords and images. HTTPS: docs/how-to/https.md"
            case ${IDC_HTTP_BIND}/${IDC_PUBLIC_URL:-} in
                0.0.0.0/ | '[::]/' | '::/')
                    hint "sign-in links will name localhost: set IDC_PUBLIC_URL to the address that people open"
                    ;;
            esac
            ;;
    esac
fi
case ${IDC_MQTT_BIND:-127.0.0.1}/${IDC_BROKER_NAMES:-} in
    127.*/* | localhost/* | *::1*/*) ;;
    */) hint "the broker listens on $IDC_MQTT_BIND, but no remote client can verify it: name it by IDC_BROKER_NAMES" ;;
esac
if [[ ${IDC_INFERENCE_URL:-} == https://* && ! ${IDC_INFERENCE_CA:-} && ! ${IDC_INFERENCE_NAMES:-} ]]; then
    hint "IDC_INFERENCE_URL is HTTPS: name that machine by IDC_INFERENCE_NAMES, so that the bootstrap makes its certificate"
fi
[[ $bad == 0 ]] || exit 78
