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
    initdb --pgdata="$1" --username="$POSTGRES_USER" --encoding=UTF8 --auth-local=trust \
        --auth-host=scram-sha-256 --pwfile=<(printf '%s\n' "${POSTGRES_PASSWORD:-unused}")
    echo "host all all all ${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}" >> "$1/pg_hba.conf"
    pg_ctl --pgdata="$1" -w start -o "-c listen_addresses=''"
    if [[ $POSTGRES_DB != postgres ]]; then
        createdb --username="$POSTGRES_USER" --maintenance-db=postgres "$POSTGRES_DB"
    fi
    run_scripts
    pg_ctl --pgdata="$1" -w -m fast stop
    touch "$1/.complete"
}

# A first start that was killed half way is begun again, or its last step finished: the data folder
# counts as a cluster from the moment that PG_VERSION is in it.
make_cluster_once() {
    local new=$PGDATA/.new
    if [[ ! -e $new/.complete ]]; then
        rm -rf "$new"
        make_cluster "$new"
    fi
    find "$new" -mindepth 1 -maxdepth 1 ! -name PG_VERSION ! -name .complete \
        -exec mv -t "$PGDATA" {} +
    mv "$new/PG_VERSION" "$PGDATA/"
    rm -r "$new"
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
    exec setpriv --reuid=postgres --regid=postgres --init-groups -- "${BASH_SOURCE[0]}" "$@"
fi

from_file POSTGRES_PASSWORD
from_file POSTGRES_USER
from_file POSTGRES_DB
export POSTGRES_USER=${POSTGRES_USER:-postgres}
export POSTGRES_DB=${POSTGRES_DB:-$POSTGRES_USER}

if [[ ! -s $PGDATA/PG_VERSION ]]; then
    make_cluster_once
fi
unset POSTGRES_PASSWORD
exec "$@" -c listen_addresses='*'
