#!/bin/bash
# As in the public image: a variable with a dot in its name is a setting, ELASTIC_PASSWORD is the first password.
set -e
[ "${1:-}" = eswrapper ] || exec "$@"
settings=()
while IFS='=' read -r -d '' name value; do
    [[ ! $name =~ ^[a-z0-9_]+\.[a-z0-9_.]+$ || -z $value ]] || settings+=("-E$name=$value")
done < <(env -0)
if [ -n "${ELASTIC_PASSWORD:-}" ]; then
    [ -f config/elasticsearch.keystore ] || elasticsearch-keystore create -s
    elasticsearch-keystore list | grep -qx bootstrap.password ||
        printf '%s' "$ELASTIC_PASSWORD" | elasticsearch-keystore add -x bootstrap.password
fi
exec elasticsearch "${settings[@]}"
