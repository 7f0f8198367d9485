"""Files of `export NAME='value'` lines: sourced by shells, read back here."""

import shlex
from pathlib import Path

from infra.stack.layout import write_atomically


def read_env_file(path: Path) -> dict[str, str]:
    """The variables of the file; none when there is no file."""
    if not path.exists():
        return {}
    values: dict[str, str] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        name, equals, value = line.removeprefix("export ").partition("=")
        if equals and not line.startswith("#"):
            values[name.strip()] = "".join(shlex.split(value))
    return values


def write_env_file(path: Path, values: dict[str, str]) -> None:
    """Readable by its owner alone: it holds secrets."""
    quoted = (f"export {name}='{_escape(value)}'" for name, value in values.items())
    write_atomically(path, "\n".join([*quoted, ""]), 0o600)


def _escape(value: str) -> str:
    return value.replace("'", "'\"'\"'")
