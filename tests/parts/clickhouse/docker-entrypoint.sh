#!/bin/bash
# As in the public image: CLICKHOUSE_USER and CLICKHOUSE_PASSWORD replace the user `default`, CLICKHOUSE_DB is made
# at the first start, the server runs as clickhouse.
set -e
case "${1:-}" in "" | --*) ;; *) exec "$@" ;; esac
user=${CLICKHOUSE_USER:-default}
if [ "$user" != default ] || [ -n "${CLICKHOUSE_PASSWORD:-}" ]; then
    escaped=${CLICKHOUSE_PASSWORD//&/&amp;}
    escaped=${escaped//</&lt;}
    cat >/etc/clickhouse-server/users.d/user.xml <<XML
<yandex><users>
  <default remove="remove"/>
  <$user><password>$escaped</password><networks><ip>::/0</ip></networks><profile>default</profile><quota>default</quota></$user>
</users></yandex>
XML
    # A user that isn't to be removed is merged instead.
    [ "$user" != default ] || sed -i '/<default remove/d; s/<default>/<default replace="replace">/' /etc/clickhouse-server/users.d/user.xml
fi
if [ -n "${CLICKHOUSE_DB:-}" ]; then
    # A folder of metadata is a database.
    mkdir -p "/var/lib/clickhouse/metadata/$CLICKHOUSE_DB" "/var/lib/clickhouse/data/$CLICKHOUSE_DB"
fi
chown -R clickhouse:clickhouse /var/lib/clickhouse /var/log/clickhouse-server
exec setpriv --reuid=clickhouse --regid=clickhouse --init-groups \
    clickhouse-server --config-file=/etc/clickhouse-server/config.xml "$@"
