"""How much a sandbox has written to its disk, as far as the user can see.

A layered file system shows the image's files and the sandbox's own as one. What was written since
the container was made has a younger ctime than the marker that Docker leaves in it: a program
cannot set a ctime back.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

MARKER = ".dockerenv"
_BLOCK_BYTES = 512


def held_bytes(root: str = "/") -> int:
    """Bytes of all that is younger than the container; 0 where none can be told from the image."""
    try:
        made = os.lstat(os.path.join(root, MARKER))
    except OSError:
        return 0
    found: dict[int, int] = {}
    for status in _below(root, os.lstat(root).st_dev):
        if status.st_ctime_ns > made.st_ctime_ns:
            found[status.st_ino] = status.st_blocks * _BLOCK_BYTES
    return sum(found.values())


def _below(top: str, device: int) -> Iterator[os.stat_result]:
    folders = [top]
    while folders:
        try:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    status = entry.stat(follow_symlinks=False)
                    if status.st_dev != device:
                        continue
                    yield status
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
        except OSError:
            continue  # gone, or not ours to see
