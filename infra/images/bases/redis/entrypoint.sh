#!/bin/sh
# redis-server as the user redis, open to the container network. Arguments that begin with "-", or
# a configuration file, are redis-server's; any other command runs as it is.
set -eu

case "${1:-redis-server}" in
    -* | *.conf) set -- redis-server "$@" ;;
esac

if [ "${1:-}" = redis-server ]; then
    shift
    set -- redis-server "$@" --protected-mode no
    if [ "$(id -u)" = 0 ]; then
        find . ! -user redis -exec chown redis:redis {} +
        set -- setpriv --reuid=redis --regid=redis --init-groups -- "$@"
    fi
fi
exec "$@"
