"""The Debian machine we run on: is it one, what are its archives, install packages on it."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

LISTS = Path("/var/lib/apt/lists")
SOURCES = Path("/etc/apt")
LOCK = "DPkg::Lock::Timeout=120"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


class AptFailed(Exception):
    """apt-get ended with an error; the text is the end of what it wrote."""


@dataclass(frozen=True, slots=True)
class Archive:
    """One Debian archive: where it is and which suites of it are used."""

    address: str
    suites: tuple[str, ...]


def release(root: Path = Path("/")) -> dict[str, str]:
    """The fields of os-release; empty when there is none."""
    try:
        lines = (root / "etc/os-release").read_text().splitlines()
    except OSError:
        return {}
    pairs = (line.split("=", 1) for line in lines if "=" in line)
    return {name: value.strip().strip('"') for name, value in pairs}


def is_debian() -> bool:
    """Whether this is Debian itself: a derivative has other package names and archives."""
    return release().get("ID") == "debian"


def apt(*arguments: str, cwd: Path | None = None) -> None:
    """Run apt-get without questions; raises ``AptFailed`` with the end of its output."""
    done = subprocess.run(
        ["apt-get", "-q", "-y", "-o", "Dpkg::Use-Pty=0", "-o", LOCK, *arguments],
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"},
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise AptFailed(f"apt-get {' '.join(arguments)}: {done.stdout[-1500:]}")


def refresh_lists() -> None:
    """Fetch the package lists when there are none."""
    if not any(LISTS.glob("*_Packages*")):
        apt("update")


def install(packages: list[str]) -> None:
    """Install packages; stale lists are the usual reason of failure, so retry after an update."""
    refresh_lists()
    command = ["install", "--no-install-recommends", *packages]
    try:
        apt(*command)
    except AptFailed:
        apt("update")
        apt(*command)


def archives(codename: str, folder: Path = SOURCES) -> list[Archive]:
    """The Debian archives among apt's sources that carry ``codename``, main archive first."""
    found: dict[str, list[str]] = {}
    for path in sorted(folder.glob("sources.list.d/*.sources")):
        for stanza in path.read_text().split("\n\n"):
            for address, suite in _deb822(stanza):
                found.setdefault(address, []).append(suite)
    for path in [folder / "sources.list", *sorted(folder.glob("sources.list.d/*.list"))]:
        for address, suite in _one_line(path.read_text() if path.exists() else ""):
            found.setdefault(address, []).append(suite)
    wanted = (codename, f"{codename}-updates", f"{codename}-security")
    kept = [
        Archive(address, tuple(suite for suite in wanted if suite in suites))
        for address, suites in found.items()
        if any(suite in wanted for suite in suites)
    ]
    return sorted(kept, key=lambda archive: codename not in archive.suites)


def _deb822(stanza: str) -> list[tuple[str, str]]:
    lines = [line for line in stanza.splitlines() if ":" in line and not line.startswith("#")]
    fields = {name.lower(): value.split() for name, value in (line.split(":", 1) for line in lines)}
    if "deb" not in fields.get("types", []) or fields.get("enabled") == ["no"]:
        return []
    if "main" not in fields.get("components", []):
        return []
    return [(uri, suite) for uri in fields.get("uris", []) for suite in fields.get("suites", [])]


def _one_line(text: str) -> list[tuple[str, str]]:
    found = []
    for line in text.splitlines():
        words = [word for word in line.split("#")[0].split() if word]
        while len(words) > 1 and words[1].startswith("["):
            closed = words[1].endswith("]")
            del words[1]
            if not closed:
                words[1] = f"[{words[1]}"
        if len(words) >= 4 and words[0] == "deb" and "main" in words[3:]:
            found.append((words[1], words[2]))
    return found
