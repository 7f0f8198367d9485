"""`python -m infra.dev_clerk`: configured by CLERK_*, HOST and PORT, or LISTEN_FD."""

import os
import socket

import uvicorn

from infra.dev_clerk.app import create_app
from infra.dev_clerk.settings import clerk_settings


def main() -> None:
    settings = clerk_settings(os.environ)
    config = uvicorn.Config(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=3,
    )
    inherited = settings.listen_fd
    listening = [socket.socket(fileno=inherited)] if inherited is not None else None
    uvicorn.Server(config).run(sockets=listening)


if __name__ == "__main__":
    main()
