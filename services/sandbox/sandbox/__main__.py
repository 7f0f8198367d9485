"""`python -m sandbox [serve|migrate|drain-warm]`."""

import argparse
import asyncio
import logging
import sys

from kit import database as kit_database
from kit import logs, migrations, serve
from kit.settings import load
from sandbox.app import SCHEMA, create_app, drain_warm
from sandbox.settings import SandboxSettings
from sandbox.templates import TemplateInvalid

logger = logging.getLogger("sandbox")


def main() -> int:
    """0, or 1 and a line that says why, or 2 when the configuration is wrong."""
    parser = argparse.ArgumentParser(prog="python -m sandbox", description="The sandbox service.")
    parser.add_argument(
        "command",
        nargs="?",
        default="serve",
        choices=["serve", "migrate", "drain-warm"],
        help="serve (default); bring the schema up to date; destroy all warm sandboxes",
    )
    command = parser.parse_args().command
    settings = load(SandboxSettings)
    logs.configure("sandbox", settings.log_level)
    try:
        if command == "migrate":
            asyncio.run(_migrate(settings))
        elif command == "drain-warm":
            asyncio.run(drain_warm(settings))
        else:
            app = create_app(settings)
            bound = serve.listening_socket(settings.host, settings.port)
            serve.run([(serve.http_server(app), bound)])
    except TemplateInvalid as error:
        logger.critical("templates: %s", error)
        return 2
    return 0


async def _migrate(settings: SandboxSettings) -> None:
    url = settings.database_url.get_secret_value()
    pool = await kit_database.connect(url, schema=SCHEMA)
    try:
        applied = await migrations.apply(pool, SCHEMA, migrations.find("sandbox"))
    finally:
        await pool.close()
    logger.info("the schema is up to date", extra={"applied": applied})


if __name__ == "__main__":
    sys.exit(main())
