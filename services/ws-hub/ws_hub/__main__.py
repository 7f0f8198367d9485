"""`python -m ws_hub`: reads the settings, sets up logs, serves."""

import os

from kit import logs, serve, settings
from ws_hub.app import create_app
from ws_hub.settings import HubSettings

LOOPBACK = "LOOPBACK_LISTEN_FD"
"""A second inherited socket: the first may be bound where only sandboxes reach it."""


def main() -> None:
    """Serves until SIGTERM or SIGINT."""
    config = settings.load(HubSettings)
    logs.configure("ws-hub", config.log_level)
    sockets = [serve.listening_socket(config.host, config.port)]
    if LOOPBACK in os.environ:
        sockets.append(serve.listening_socket("127.0.0.1", config.port, LOOPBACK))
    http = serve.listening_socket(config.host, config.http_port, "HTTP_LISTEN_FD")

    def ending() -> bool:
        return server.should_exit

    server = serve.http_server(create_app(config, sockets, ending))
    server.config.timeout_graceful_shutdown = int(config.drain_seconds.total_seconds())
    serve.run([(server, http)])


if __name__ == "__main__":
    main()
