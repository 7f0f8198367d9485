"""Reporting changes below a path until the agent ends this process."""

from __future__ import annotations

import errno
import os
import stat

from agent.errors import Refused
from agent.files.paths import escape
from agent.files.temporary import PREFIX, REPLACING
from agent.schema import FileEvent, FileList

TYPE_CHECKING = False
if TYPE_CHECKING:
    from agent.files.context import Context
    from agent.files.inotify import Event
    from agent.schema import WatchFiles

FOLDER_LIMIT = 8192
_MOVED_FROM, _IS_DIRECTORY = 0x40, 0x40000000


def watch_files(request: WatchFiles, context: Context) -> None:
    """An empty FileList once the watch stands, then FileEvent; ends only by being aborted."""
    path = context.path(request.path)
    folder = stat.S_ISDIR(os.stat(path).st_mode)
    watch = Watch(context, path if folder else os.path.dirname(path), request.recursive and folder)
    watch.only = "" if folder else os.path.basename(path)
    try:
        watch.begin()
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EMFILE):
            raise Refused("too_many", "the system has no more watches") from error
        raise
    context.channel.send(files=FileList())
    while True:
        watch.report()


def _hidden(path: str) -> bool:
    """Whether a part of the path is a name that is not yet, or no longer, the file's own."""
    return "/" + PREFIX in path


class Watch:
    """``only`` is the one name that counts, when a file is watched."""

    def __init__(self, context: Context, top: str, recursive: bool) -> None:
        from agent.files.inotify import Inotify  # ctypes costs a few milliseconds

        self.only = ""
        self._context, self._top, self._recursive = context, top, recursive
        self._inotify = Inotify()
        self._folders: dict[int, str] = {}

    def begin(self) -> None:
        """Watch what is there. Raises OSError or Refused."""
        self._folders[self._inotify.add(self._top)] = self._top
        if self._recursive:
            self._enter(self._top, tell=False)

    def report(self) -> None:
        """Wait for changes and send them."""
        events = self._inotify.read()
        previous = ("", "")
        at = 0
        while at < len(events):
            event = events[at]
            at += 1
            following = events[at] if at < len(events) else None
            if event.mask & _MOVED_FROM and following and following.cookie == event.cookie:
                self._moved(event, following)
                at += 1
                previous = ("", "")
                continue
            kind, path = self._kind(event), self._path(event)
            if kind != "overflow" and _hidden(path):
                if kind == "created" and event.mask & _IS_DIRECTORY and self._recursive:
                    self._try_enter(path, tell=False)  # It will be moved to its own name.
                continue
            if kind and (kind, path) != previous:
                self._send(kind, path)
                previous = (kind, path)
            if kind == "created" and event.mask & _IS_DIRECTORY and self._recursive:
                self._try_enter(path)

    def _kind(self, event: Event) -> str:
        from agent.files import inotify

        if event.mask & inotify.OVERFLOW:
            return "overflow"
        if event.watch not in self._folders or (self.only and event.name != self.only):
            return ""
        if event.mask & inotify.IGNORED:
            del self._folders[event.watch]
            return ""
        if event.mask & (inotify.DELETE_SELF | inotify.MOVE_SELF):
            return "removed" if self._folders[event.watch] == self._top else ""
        if event.mask & (inotify.CREATE | inotify.MOVED_TO):
            return "created"
        if event.mask & (inotify.DELETE | inotify.MOVED_FROM):
            return "removed"
        return "modified"

    def _path(self, event: Event) -> str:
        folder = self._folders.get(event.watch, self._top)
        return os.path.join(folder, event.name) if event.name else folder

    def _moved(self, gone: Event, come: Event) -> None:
        old, new = self._path(gone), self._path(come)
        names = (gone.name, come.name)
        if self.only and self.only not in names:
            return
        if _hidden(old) or _hidden(new):
            self._appeared(gone, come)
            return
        if self.only:
            kind = "created" if come.name == self.only else "removed"
            self._send(kind, new if kind == "created" else old)
            return
        self._send("moved", old, new)
        for watch, folder in self._folders.items():
            if folder == old or folder.startswith(old + "/"):
                self._folders[watch] = new + folder[len(old) :]
        if self._recursive and come.mask & _IS_DIRECTORY:
            self._try_enter(new, tell=False)

    def _appeared(self, gone: Event, come: Event) -> None:
        """An upload or copy got its name, or what was there made way for it."""
        old, new = self._path(gone), self._path(come)
        if not _hidden(new) and (not self.only or self.only == come.name):
            self._send("modified" if REPLACING in gone.name else "created", new)
        for watch, folder in self._folders.items():
            if folder == old or folder.startswith(old + "/"):
                self._folders[watch] = new + folder[len(old) :]
        if self._recursive and come.mask & _IS_DIRECTORY and not _hidden(new):
            self._try_enter(new)

    def _try_enter(self, folder: str, tell: bool = True) -> None:
        """Watch a directory that has come into being; what cannot be watched is an overflow."""
        try:
            self._enter(folder, tell)
        except FileNotFoundError:
            return
        except (OSError, Refused):
            self._send("overflow", self._top)

    def _enter(self, top: str, tell: bool) -> None:
        """Watch all below; ``tell`` what is there already, since its events came before us."""
        for folder, names, files in os.walk(top):
            try:
                self._folders[self._inotify.add(folder)] = folder
            except (PermissionError, FileNotFoundError, NotADirectoryError):
                continue
            if len(self._folders) > FOLDER_LIMIT:
                raise Refused("too_many", f"more than {FOLDER_LIMIT} directories")
            for name in sorted(names + files) if tell else ():
                self._send("created", os.path.join(folder, name))

    def _send(self, kind: str, path: str, new_path: str = "") -> None:
        if kind == "overflow":
            path = self._top
        event = FileEvent(type=kind, path=escape(path), new_path=escape(new_path))
        self._context.channel.send(file_event=event)
