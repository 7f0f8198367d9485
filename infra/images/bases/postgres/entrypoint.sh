#!/bin/bash
# Makes the cluster on the first start, then runs PostgreSQL as the user postgres. Arguments that
# begin with "-" are the server's; any command but postgres runs as it is.
set -euo pipefail

from_file() {
    local name=$1 file="${1}_FILE"
    if [[ -n ${!file:-} ]]; then
        [[ -z ${!name:-} ]] || { echo "$name and $file are both set" >&2; exit 1; }
        printf -v "$name" '%s' "$(<"${!file}")"
    fi
}

make_cluster() {
    if [[ -z ${POSTGRES_PASSWORD:-} && ${POSTGRES_HOST_AUTH_METHOD:-} != trust ]]; then
        echo 'POSTGRES_PASSWORD must be set' >&2
        exit 1
    fi
    initdb --username="$POSTGRES_USER" --encoding=UTF8 --auth-local=trust \
        --auth-host=scram-sha-256 --pwfile=<(printf '%s\n' "${POSTGRES_PASSWORD:-unused}")
    echo "host all all all ${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}" >> "$PGDATA/pg_hba.conf"
    pg_ctl -w start -o "-c listen_addresses=''"
    if [[ $POSTGRES_DB != postgres ]]; then
        createdb --username="$POSTGRES_USER" --maintenance-db=postgres "$POSTGRES_DB"
    fi
    run_scripts
    pg_ctl -w -m fast stop
    touch "$PGDATA/.insien-initialised"
}

run_scripts() {
    local script
    for script in /docker-entrypoint-initdb.d/*; do
        case "$script" in
            *.sql) psql -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d "$POSTGRES_DB" -f "$script" ;;
            *.sh) bash "$script" ;;
        esac
    done
}

[[ ${1:-postgres} == -* ]] && set -- postgres "$@"
[[ ${1:-} == postgres ]] || exec "$@"

if [[ $(id -u) == 0 ]]; then
    mkdir -p "$PGDATA"
    find "$PGDATA" /var/run/postgresql ! -user postgres -exec chown postgres:postgres {} +
    chmod 0700 "$PGDATA"
    exec setpriv --reuid=postgres --regid=postgres --init-groups -- "$BASH_SOURCE" "$@"
fi

from_file POSTGRES_PASSWORD
from_file POSTGRES_USER
from_file POSTGRES_DB
export POSTGRES_USER=${POSTGRES_USER:-postgres}
export POSTGRES_DB=${POSTGRES_DB:-$POSTGRES_USER}

# A first start that was killed half way is begun again, not mistaken for a cluster.
if [[ ! -s $PGDATA/PG_VERSION ]]; then
    make_cluster
fi
unset POSTGRES_PASSWORD
exec "$@" -c listen_addresses='*'
