"""Compile a folder of Python sources; run by the bundle's own interpreter, whose format counts.

``compiling.py bare <folder> <as seen later>`` leaves only ``name.pyc`` where the sources were,
without docstrings and assertions; ``compiling.py beside …`` keeps the sources and fills
``__pycache__``. The .pyc files are never checked against a source (PEP 552, unchecked hash), which
saves a stat and a read for each import, and makes the result the same for the same sources.
"""

import importlib.util
import pathlib
import py_compile
import sys


def main(mode: str, folder: str, seen_as: str) -> None:
    """Compile each file below ``folder``; tracebacks will name it below ``seen_as``."""
    for source in sorted(pathlib.Path(folder).rglob("*.py")):
        bare = mode == "bare"
        cached = f"{source}c" if bare else importlib.util.cache_from_source(str(source))
        py_compile.compile(
            str(source),
            cfile=cached,
            dfile=str(pathlib.PurePosixPath(seen_as) / source.relative_to(folder)),
            doraise=True,
            optimize=2 if bare else 0,
            invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
        )
        if bare:
            source.unlink()


if __name__ == "__main__":
    main(*sys.argv[1:])
