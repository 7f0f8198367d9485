"""What an image is made of, and the digest that tells whether a built one is stale.

The digest is kept in the image's label ``insien.image-digest``: SHA-256 over the recipe's files and
over the recipe below it. It says nothing about package versions: ``--force`` takes newer ones.
"""

import hashlib
import io
import tarfile
from dataclasses import dataclass
from pathlib import Path

DIGEST_LABEL = "insien.image-digest"
DEBIAN_CODENAME = "bookworm"
DEBIAN_BASE = f"insien/debian-base:{DEBIAN_CODENAME}"
UPSTREAM_BASE = f"debian:{DEBIAN_CODENAME}-slim"
BASES = Path(__file__).resolve().parent / "bases"
DEBIAN_RECIPE = b"debian-base 1"

# Not part of an image: read by the sandbox service at run time.
_NOT_IN_IMAGE = frozenset({"template.toml"})


@dataclass(frozen=True, slots=True)
class Recipe:
    """A folder with a Dockerfile, and the tag of what it makes."""

    name: str
    tag: str
    folder: Path

    def digest(self) -> str:
        """SHA-256 of everything that goes into the image."""
        content = hashlib.sha256(debian_digest().encode())
        for path in self._files():
            data = path.read_bytes()
            content.update(f"\0{path.relative_to(self.folder)}\0{len(data)}\0".encode() + data)
        return content.hexdigest()

    def context(self) -> bytes:
        """The build context as a tar; owners, times and modes do not depend on the checkout."""
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as tar:
            for path in self._files():
                info = tarfile.TarInfo(str(path.relative_to(self.folder)))
                info.mode = 0o755 if path.suffix == ".sh" else 0o644
                data = path.read_bytes()
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
        return buffer.getvalue()

    def _files(self) -> list[Path]:
        files = (path for path in sorted(self.folder.rglob("*")) if path.is_file())
        return [path for path in files if path.name not in _NOT_IN_IMAGE]


def debian_digest() -> str:
    """The digest of the Debian base: one recipe, wherever its packages come from."""
    return hashlib.sha256(DEBIAN_RECIPE + DEBIAN_CODENAME.encode()).hexdigest()


def base_recipes() -> list[Recipe]:
    """The images that services and data stores of a deployment start from."""
    return [
        Recipe("python", f"insien/base-python:{DEBIAN_CODENAME}", BASES / "python"),
        Recipe("postgres", "insien/base-postgres:15", BASES / "postgres"),
        Recipe("redis", "insien/base-redis:7", BASES / "redis"),
    ]
