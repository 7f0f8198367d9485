"""Make a Debian root file system from the machine's own package archive, as a tar stream."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.engine.debian import KEYRING, archives, install, is_debian, refresh_lists
from infra.engine.state import cache_dir

BLOCK_BYTES = 1 << 20

# What containers never read; packages installed later leave it out, too.
_EXCLUDES = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/info/*", "/usr/share/locale/*")
_DPKG = "force-unsafe-io\n" + "".join(f"path-exclude {pattern}\n" for pattern in _EXCLUDES)
_APT = (
    'APT::Install-Recommends "false";\n'
    'Acquire::Languages "none";\n'
    'Acquire::GzipIndexes "true";\n'
    'APT::Keep-Downloaded-Packages "false";\n'
)


class CannotDebootstrap(Exception):
    """This machine cannot make a Debian tree; the text says why."""


@contextmanager
def debian_tree(codename: str) -> Iterator[Path]:
    """A fresh minimal Debian with its security updates, deleted at the end."""
    if os.geteuid() != 0 or not is_debian():
        raise CannotDebootstrap("debootstrap needs root on a Debian machine")
    found = archives(codename)
    if not found:
        raise CannotDebootstrap(f"apt's sources on this machine name no archive of {codename}")
    if shutil.which("debootstrap") is None:
        install(["debootstrap"])
    refresh_lists()
    with tempfile.TemporaryDirectory(dir=cache_dir(), prefix="debian-") as folder:
        root = Path(folder)
        root.chmod(0o755)
        command = ["debootstrap", "--variant=minbase", f"--keyring={KEYRING}"]
        _run([*command, "--include=ca-certificates", codename, folder, found[0].address])
        _configure(
            root,
            "".join(
                f"deb [signed-by={KEYRING}] {archive.address} {suite} main\n"
                for archive in found
                for suite in archive.suites
            ),
        )
        _upgrade(root)
        _slim(root)
        yield root


def tar_of(root: Path) -> Iterator[bytes]:
    """The tree as a tar, owners by number."""
    command = ["tar", "-C", str(root), "--numeric-owner", "--one-file-system", "-c", "."]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as tar:
        assert tar.stdout is not None
        while block := tar.stdout.read(BLOCK_BYTES):
            yield block
    if tar.returncode != 0:
        raise CannotDebootstrap(f"tar ended with {tar.returncode}")


def _configure(root: Path, sources: str) -> None:
    (root / "etc/apt/sources.list").write_text(sources)
    (root / "etc/apt/apt.conf.d/docker").write_text(_APT)
    (root / "etc/dpkg/dpkg.cfg.d/docker").write_text(_DPKG)
    policy = root / "usr/sbin/policy-rc.d"
    policy.write_text("#!/bin/sh\nexit 101\n")
    policy.chmod(0o755)


def _upgrade(root: Path) -> None:
    for step in (["update"], ["-y", "upgrade"], ["clean"]):
        _run(
            [
                "chroot",
                str(root),
                "/usr/bin/env",
                "DEBIAN_FRONTEND=noninteractive",
                "apt-get",
                "-q",
                *step,
            ]
        )


def _slim(root: Path) -> None:
    for pattern in (*_EXCLUDES, "/var/lib/apt/lists/*", "/var/log/*", "/dev/*", "/tmp/*"):
        for path in root.glob(pattern.lstrip("/")):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
    for name in ("etc/resolv.conf", "etc/hostname"):
        (root / name).unlink(missing_ok=True)


def _run(command: list[str]) -> None:
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise CannotDebootstrap(f"{command[0]} ended with {done.returncode}: {done.stdout[-1500:]}")
