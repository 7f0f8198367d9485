"""`python -m auth [serve|migrate]`: serves, or brings the schema up to date and exits."""

import argparse
import asyncio

from auth.app import create_app, migrate
from auth.settings import Settings
from kit.logs import configure
from kit.serve import http_server, listening_socket, run
from kit.settings import load


def main() -> None:
    parser = argparse.ArgumentParser(prog="auth", description="Users, API keys and Clerk.")
    parser.add_argument("command", nargs="?", default="serve", choices=["serve", "migrate"])
    command = parser.parse_args().command
    settings = load(Settings)
    configure("auth", settings.log_level)
    if command == "migrate":
        asyncio.run(migrate(settings))
    else:
        bound = listening_socket(settings.host, settings.port)
        run([(http_server(create_app(settings)), bound)])


if __name__ == "__main__":
    main()
