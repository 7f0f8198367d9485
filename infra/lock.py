"""Writes requirements.lock: every outside package that any part needs, pinned, with hashes.

    python -m infra.lock            resolve again and write
    python -m infra.lock check      exit 1 when a package asks for something the lock does not pin

The lock carries no index address: it is resolved and installed from whatever index is configured.
"""

import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements.lock"
PACKAGES = (
    "proto",
    "kit",
    "services/auth",
    "services/sandbox",
    "services/ws-hub",
    "gateway",
    "agent",
    "sdk",
)
HEADER = "# Written by `make lock`. Versions and hashes only; the index is the installer's own.\n"


def wanted() -> list[str]:
    """The outside requirements of all packages, of the tools, and of the build."""
    found: set[str] = set()
    for package in PACKAGES:
        text = tomllib.loads((ROOT / package / "pyproject.toml").read_text("utf-8"))
        found.update(text["build-system"]["requires"])
        found.update(text["project"].get("dependencies", ()))
        for extra in text["project"].get("optional-dependencies", {}).values():
            found.update(extra)
    workspace = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    found.update(workspace["dependency-groups"]["dev"])
    return sorted(item for item in found if not item.startswith("insien"))


def pinned() -> set[str]:
    """Names that the lock pins, in their normal form."""
    return {
        _normal(match[1])
        for match in re.finditer(r"^([A-Za-z0-9._-]+)==", LOCK.read_text("utf-8"), re.MULTILINE)
    }


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def check() -> int:
    """Prints what the lock lacks; 0 when it lacks nothing."""
    have = pinned()
    names = {_normal(re.split(r"[\[<>=!~ ;]", item, maxsplit=1)[0]) for item in wanted()}
    missing = sorted(names - have)
    for name in missing:
        print(f"requirements.lock does not pin {name}: run `make lock`")
    return 1 if missing else 0


def write() -> int:
    """Resolves and writes the lock, keeping versions that still fit."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "requirements.in"
        source.write_text("\n".join(wanted()) + "\n", "utf-8")
        target = Path(folder) / "requirements.lock"
        if LOCK.exists():
            target.write_text(LOCK.read_text("utf-8"), "utf-8")
        command = [sys.executable, "-m", "piptools", "compile", "--quiet", "--generate-hashes"]
        command += ["--allow-unsafe", "--strip-extras", "--no-header", "--no-annotate"]
        command += ["--no-emit-index-url", "--no-emit-find-links", "--no-emit-trusted-host"]
        command += ["--no-emit-options", "--output-file", str(target), str(source)]
        done = subprocess.run(command, check=False)
        if done.returncode == 0:
            LOCK.write_text(HEADER + target.read_text("utf-8"), "utf-8")
        return done.returncode


if __name__ == "__main__":
    raise SystemExit(check() if sys.argv[1:] == ["check"] else write())
