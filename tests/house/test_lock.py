"""Laws on what is installed.

Why: an address in a lock file makes an installation depend on one host and on one network.
"""

import re
import tomllib
from pathlib import Path

from infra import lock

ROOT = Path(__file__).resolve().parents[2]


def test_the_lock_pins_what_the_packages_ask_for() -> None:
    assert lock.check() == 0


def test_the_lock_carries_hashes_and_no_address() -> None:
    text = lock.LOCK.read_text("utf-8")
    assert "://" not in text
    entries = re.findall(r"^\S+==.*$", text, re.MULTILINE)
    assert entries
    assert all(entry.endswith("\\") for entry in entries)


def test_each_package_asks_only_for_its_own() -> None:
    def requirements(package: str) -> str:
        text = tomllib.loads((ROOT / package / "pyproject.toml").read_text("utf-8"))
        return " ".join(text["project"]["dependencies"])

    assert "asyncpg" not in requirements("services/ws-hub")
    assert "aiodocker" not in requirements("services/auth")
    assert "database" not in requirements("gateway")
    assert requirements("agent") == ""
