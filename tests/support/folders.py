"""A folder that other users reach: PostgreSQL is never root.

Why not pytest's own: it closes its folder to others whenever another run of pytest starts.
"""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def open_folder(name: str) -> Iterator[Path]:
    """An empty folder with mode 0755 right below the system's temporary one; removed at the end."""
    with tempfile.TemporaryDirectory(prefix=f"insien-{name}-") as path:
        folder = Path(path)
        folder.chmod(0o755)
        yield folder
