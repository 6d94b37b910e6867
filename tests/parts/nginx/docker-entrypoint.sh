#!/bin/sh
# As in the public image: the scripts in /docker-entrypoint.d run first, and /etc/nginx/templates/*.template
# become configuration with the environment's variables filled in.
set -e
if [ "${1:-}" = nginx ]; then
    for script in /docker-entrypoint.d/*.sh; do
        if [ -x "$script" ]; then "$script"; fi
    done
    names=$(awk 'BEGIN { for (name in ENVIRON) if (name ~ /^[A-Za-z_][A-Za-z0-9_]*$/) printf "${%s} ", name }')
    for template in /etc/nginx/templates/*.template; do
        [ -f "$template" ] || continue
        file=/etc/nginx/conf.d/$(basename "$template" .template)
        envsubst "$names" <"$template" >"$file"
    done
fi
exec "$@"
