"""The Debian packages that the bundle's Python comes from."""

import shutil
import subprocess
from pathlib import Path

from infra.engine.debian import apt, refresh_lists, release
from infra.engine.state import cache_dir

CODENAME = "bookworm"
PACKAGES = (
    "python3.11-minimal",
    "libpython3.11-minimal",
    "libpython3.11-stdlib",
    "libc6",
    "libexpat1",
    "libffi8",
    "zlib1g",
)


def available_here() -> bool:
    """Whether this machine's own package archive has them."""
    tools = all(shutil.which(tool) for tool in ("apt-get", "dpkg-deb"))
    return tools and release().get("VERSION_CODENAME") == CODENAME


def fetch(refresh: bool) -> list[Path]:
    """The package files, in the order of their names; downloaded once, unless told again."""
    folder = cache_dir() / "debs"
    found = sorted(folder.glob("*.deb"))
    names = {path.name.split("_")[0] for path in found}
    if refresh or names != set(PACKAGES):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        refresh_lists()
        apt("download", *PACKAGES, cwd=folder)
        found = sorted(folder.glob("*.deb"))
    return found


def inside(root: Path, name: str) -> Path:
    """The file that ``name`` is in the tree at ``root``: absolute links lead into it, not out."""
    path = root / name.lstrip("/")
    while path.is_symlink():
        target = path.readlink()
        path = root / str(target).lstrip("/") if target.is_absolute() else path.parent / target
    return path


def unpack(packages: list[Path], root: Path) -> None:
    """Unpack the packages over one another into ``root``."""
    for package in packages:
        subprocess.run(["dpkg-deb", "-x", str(package), str(root)], check=True)
