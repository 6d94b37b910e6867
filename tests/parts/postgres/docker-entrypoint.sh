#!/bin/bash
# As in the public image: the first start makes the database from POSTGRES_* (or POSTGRES_*_FILE) and runs
# /docker-entrypoint-initdb.d, with no TCP port open until that is done.
set -Eeo pipefail
if [ "${1:0:1}" = - ]; then set -- postgres "$@"; fi
[ "$1" = postgres ] || exec "$@"

if [ "$(id -u)" = 0 ]; then
    mkdir -p "$PGDATA"
    chmod 700 "$PGDATA"
    find "$PGDATA" /var/run/postgresql \! -user postgres -exec chown postgres {} +
    exec setpriv --reuid=postgres --regid=postgres --init-groups "$0" "$@"
fi

# The variable $1, or the content of the file that ${1}_FILE names, else $2.
setting() {
    local file="${1}_FILE"
    if [ -n "${!1}" ] && [ -n "${!file}" ]; then
        echo "error: both $1 and $file are set (but are exclusive)" >&2
        exit 1
    elif [ -n "${!file}" ]; then cat "${!file}"; else printf '%s' "${!1:-$2}"; fi
}

initialise() {
    local user password database method file
    user=$(setting POSTGRES_USER postgres)
    password=$(setting POSTGRES_PASSWORD)
    database=$(setting POSTGRES_DB "$user")
    method=${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}
    if [ -z "$password" ] && [ "$method" != trust ]; then
        echo "Error: Database is uninitialized and superuser password is not specified." >&2
        echo "       You must specify POSTGRES_PASSWORD to a non-empty value for the superuser." >&2
        exit 1
    fi
    # shellcheck disable=SC2086 # the variable holds options
    initdb --username="$user" ${password:+--pwfile=<(printf '%s\n' "$password")} $POSTGRES_INITDB_ARGS
    printf '\nhost all all all %s\n' "$method" >>"$PGDATA/pg_hba.conf"
    pg_ctl -D "$PGDATA" -o "-c listen_addresses=''" -w start
    export PGPASSWORD=$password
    psql=(psql -v ON_ERROR_STOP=1 --username "$user" --no-password --no-psqlrc)
    [ "$database" = postgres ] || "${psql[@]}" --dbname postgres -v db="$database" <<<'CREATE DATABASE :"db";'
    # shellcheck source=/dev/null
    for file in /docker-entrypoint-initdb.d/*; do
        case $file in
        *.sh) if [ -x "$file" ]; then "$file"; else . "$file"; fi ;;
        *.sql) "${psql[@]}" --dbname "$database" -f "$file" ;;
        *.sql.gz) gunzip -c "$file" | "${psql[@]}" --dbname "$database" ;;
        esac
    done
    pg_ctl -D "$PGDATA" -m fast -w stop
    unset PGPASSWORD
}

if [ ! -s "$PGDATA/PG_VERSION" ]; then initialise; fi
exec "$@"
