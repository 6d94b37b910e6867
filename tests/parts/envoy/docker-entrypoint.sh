#!/bin/sh
# As in the public image: options alone start the server, and the server runs as a user without privileges.
set -e
case "${1:-}" in -*) set -- envoy "$@" ;; esac
if [ "${1:-}" = envoy ] && [ "$(id -u)" = 0 ] && [ "${ENVOY_UID:-101}" != 0 ]; then
    exec setpriv --reuid="${ENVOY_UID:-101}" --regid="${ENVOY_GID:-101}" --clear-groups "$@"
fi
exec "$@"
