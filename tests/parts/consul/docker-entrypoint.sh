#!/bin/bash
# Does what the public image's entry point documents: options or "agent" start an agent that runs as consul
# with its folders, CONSUL_BIND_INTERFACE and CONSUL_CLIENT_INTERFACE become addresses, CONSUL_LOCAL_CONFIG a
# file; a subcommand of consul is run as one; anything else is run as it stands.
set -e
data=${CONSUL_DATA_DIR:-/consul/data}
config=${CONSUL_CONFIG_DIR:-/consul/config}

# An interface's first address.
address_of() {
    ip -o -4 addr list "$1" | awk 'NR == 1 { sub("/.*", "", $4); print $4 }'
}
addresses=()
if [ -n "$CONSUL_BIND_INTERFACE" ]; then addresses+=("-bind=$(address_of "$CONSUL_BIND_INTERFACE")"); fi
if [ -n "$CONSUL_CLIENT_INTERFACE" ]; then addresses+=("-client=$(address_of "$CONSUL_CLIENT_INTERFACE")"); fi
if [ -n "$CONSUL_LOCAL_CONFIG" ]; then printf '%s' "$CONSUL_LOCAL_CONFIG" >"$config/local.json"; fi

case "${1:-}" in -*) set -- agent "$@" ;; esac
if [ "${1:-}" = consul ] && [ "${2:-}" = agent ]; then shift; fi
if [ "${1:-}" = agent ]; then
    shift
    set -- consul agent "-data-dir=$data" "-config-dir=$config" "${addresses[@]}" "$@"
elif [ -n "${1:-}" ] && consul --help "$1" 2>&1 | grep -q "consul $1"; then
    set -- consul "$@"
fi
if [ "${1:-}" = consul ] && [ "$(id -u)" = 0 ] && [ -z "${CONSUL_DISABLE_PERM_MGMT+set}" ]; then
    # Folders that are mounted belong to whoever made them.
    for folder in "$data" "$config"; do
        [ "$(stat -c %U "$folder")" = consul ] || chown consul:consul "$folder" || true
    done
    exec setpriv --reuid=consul --regid=consul --clear-groups "$@"
fi
exec "$@"
