"""Which parts of the standard library the agent gets.

Left out is what only development, desktops, databases or other programs' data need, and what would
pull in a library of megabytes. Everything else stays: a module that the agent starts to use next
year must not be missing.
"""

from pathlib import PurePosixPath

_PACKAGES = """
    __pycache__ curses dbm distutils ensurepip idlelib lib2to3 lib-dynload multiprocessing msilib
    pydoc_data sqlite3 test tkinter tomllib turtledemo unittest venv wsgiref xmlrpc xml zoneinfo
"""
_MODULES = """
    __phello__ _aix_support _bootsubprocess _osx_support _pydecimal _pyio aifc antigravity asynchat
    asyncore audiodev bdb bz2 cProfile cgi cgitb chunk colorsys crypt decimal doctest ftplib getpass
    imaplib imghdr imp lzma mailbox mailcap modulefinder netrc nntplib pdb pickletools pipes
    plistlib poplib profile pstats pyclbr pydoc rlcompleter sched smtpd smtplib sndhdr ssl sunau
    symtable tabnanny telnetlib this timeit trace turtle uu wave webbrowser xdrlib zipapp zipimport
"""
_ENCODINGS = """
    __init__ aliases ascii cp437 idna latin_1 punycode raw_unicode_escape unicode_escape
    utf_16 utf_16_be utf_16_le utf_32 utf_32_be utf_32_le utf_8 utf_8_sig
"""
_PACKAGES_OUT = frozenset(_PACKAGES.split())
_MODULES_OUT = frozenset(_MODULES.split())
_ENCODINGS_IN = frozenset(_ENCODINGS.split())

# Extension modules that are not built into the interpreter.
EXTENSIONS = (
    "_asyncio",
    "_contextvars",
    "_ctypes",
    "_json",
    "_queue",
    "_typing",
    "mmap",
    "resource",
    "termios",
)


def wanted(source: PurePosixPath) -> bool:
    """Whether a source file, named relative to the library's folder, belongs in the bundle."""
    top = source.parts[0]
    if len(source.parts) == 1:
        return source.stem not in _MODULES_OUT and not source.stem.startswith("_sysconfigdata")
    if top == "encodings":
        return source.stem in _ENCODINGS_IN
    if top.startswith("config-") or "test" in source.parts or "tests" in source.parts:
        return False
    return top not in _PACKAGES_OUT
