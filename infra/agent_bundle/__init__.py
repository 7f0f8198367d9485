"""The agent's bundle: a CPython of its own, mounted read-only at ``/.insien`` in every sandbox.

It runs in any Linux image of the same architecture, one with nothing in it included: it brings its
own dynamic loader and C library. The layout::

    /.insien/ld.so                 the loader: the program that the container starts
    /.insien/so/                   shared objects, found by --library-path
    /.insien/bin/python3           the interpreter, linked against them
    /.insien/lib/python3.11/       the standard library, trimmed, as .pyc files without sources
    /.insien/lib/agent/            the package ``agent`` with sources and unchecked .pyc files
    /.insien/VERSION               hash of all that went in
    /.insien/entrypoint.json       {"argv": […]}: what to start (``ENTRYPOINT`` here)

The entry point imports ``main`` from ``agent.__main__`` and exits with what it returns.

``<state>/agent`` is a link to ``<state>/agents/<version>``, swapped atomically. Sandboxes that run
keep the version they were started with: a bind mount follows the folder, not the link. Versions
that have not been current for eight days are deleted; no sandbox is expected to live that long.

Not in it: ssl, bz2, lzma, OpenSSL's hashes (hashlib has its own), and what no agent needs (see
``stdlib``). Its ``sys.executable`` cannot be started by itself, only as ``ENTRYPOINT`` shows.
"""

from infra.agent_bundle.bundle import BundleFailed, build, current_version
from infra.agent_bundle.entrypoint import ENTRYPOINT, MOUNT

__all__ = ["ENTRYPOINT", "MOUNT", "BundleFailed", "build", "current_version"]
