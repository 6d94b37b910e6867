#!/bin/sh
# As in the public image: options alone start the server, the server runs as redis, anything else is run
# as it stands. Protected mode is off because the port is published on purpose.
set -e
case "${1:-}" in -* | *.conf) set -- redis-server "$@" ;; esac
[ "${1:-}" = redis-server ] || exec "$@"
shift
config=
case "${1:-}" in
*.conf)
    config=$1
    shift
    ;;
esac
set -- redis-server ${config:+"$config"} --protected-mode no "$@"
[ "$(id -u)" = 0 ] || exec "$@"
find . \! -user redis -exec chown redis {} +
exec setpriv --reuid=redis --regid=redis --clear-groups "$@"
