"""How the agent is started inside a sandbox.

``-I`` keeps the working folder and the environment out of ``sys.path``: a sandbox's owner may
leave a ``json.py`` anywhere. ``-S`` leaves out site-packages, which there are none of.
``--inhibit-cache`` keeps the loader from the image's own libraries, made for another C library.
"""

MOUNT = "/.insien"

_START = (
    f"import sys; sys.path.insert(0, '{MOUNT}/lib'); "
    "from agent.__main__ import main; sys.exit(main())"
)


def interpreter(root: str = MOUNT) -> list[str]:
    """The command that runs the bundle's Python when the bundle is at ``root``."""
    return [
        f"{root}/ld.so",
        "--inhibit-cache",
        "--library-path",
        f"{root}/so",
        f"{root}/bin/python3",
        "-I",
        "-S",
    ]


ENTRYPOINT: tuple[str, ...] = (*interpreter(), "-c", _START)
