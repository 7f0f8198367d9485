"""The command line: `insien create`, `insien run`, …"""

from insien.cli.main import main

__all__ = ["main"]
