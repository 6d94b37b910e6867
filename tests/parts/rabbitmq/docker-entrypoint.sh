#!/bin/bash
# As in the public image: the server and its tools run as rabbitmq. The node itself reads RABBITMQ_DEFAULT_USER,
# RABBITMQ_DEFAULT_PASS and RABBITMQ_DEFAULT_VHOST.
set -e
case "${1:-}" in
rabbitmq*)
    if [ "$(id -u)" = 0 ]; then
        find /var/lib/rabbitmq \! -user rabbitmq -exec chown rabbitmq {} +
        exec setpriv --reuid=rabbitmq --regid=rabbitmq --init-groups "$0" "$@"
    fi
    ;;
esac
# Debian's /usr/sbin/rabbitmq-server goes through su, and would not get the signal to stop.
if [ "${1:-}" = rabbitmq-server ]; then
    shift
    set -- /usr/lib/rabbitmq/bin/rabbitmq-server "$@"
fi
exec "$@"
