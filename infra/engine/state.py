"""Where an installation keeps its state: ``INSIEN_STATE_DIR``, or ``.insien`` in the tree."""

import os
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]


def state_dir() -> Path:
    """The state folder as an absolute path; made when it is missing."""
    path = Path(os.environ.get("INSIEN_STATE_DIR") or REPOSITORY / ".insien").absolute()
    path.mkdir(parents=True, exist_ok=True)
    return path


def run_dir() -> Path:
    """Folder of the pid files."""
    return _made(state_dir() / "run")


def log_dir() -> Path:
    """Folder of the log files."""
    return _made(state_dir() / "log")


def cache_dir() -> Path:
    """Folder of what can be fetched again."""
    return _made(state_dir() / "cache")


def _made(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    return path
