"""Who the sandbox is: the environment, user and folder that requests start from."""

from __future__ import annotations

import os

from agent.errors import Refused
from agent.users import User, unknown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from agent.schema import Configure, Variable
    from agent.users import Users

OURS = "INSIEN_"
TERM = "xterm-256color"
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Configuration:
    """``image_env`` is the container's environment; ours is taken out of it here."""

    def __init__(self, users: Users, image_env: Mapping[str, str], user: str, workdir: str) -> None:
        self.users = users
        self.generation = 0
        self._image_env = {k: v for k, v in image_env.items() if not k.startswith(OURS)}
        self._env: dict[str, str] = {}
        self._user, self._workdir = user, workdir

    def apply(self, configure: Configure) -> None:
        """Raises Refused. The same generation again changes nothing."""
        if configure.generation < self.generation:
            raise Refused(
                "invalid_argument", "a later generation was applied already", "generation"
            )
        if configure.generation == self.generation and self.generation:
            return
        env = variables(configure.env)
        if configure.user and self.users.find(configure.user) is None:
            raise unknown(configure.user)
        if configure.workdir and (configure.workdir[0] != "/" or "\0" in configure.workdir):
            raise Refused("invalid_argument", "the working directory is not absolute", "workdir")
        self._env = env
        self._user = configure.user or self._user
        self._workdir = configure.workdir or self._workdir
        self.generation = configure.generation

    def user(self, text: str) -> User:
        """The asked user, or the default one. Raises Refused."""
        found = self.users.find(text) if text else self._default_user()
        if found is None:
            raise unknown(text)
        if os.getuid() not in (0, found.uid):
            raise Refused("permission_denied", "this sandbox cannot switch users", "user")
        return found

    def environment(
        self, user: User, extra: Iterable[Variable], terminal: bool = False
    ) -> dict[str, str]:
        """What a process of ``user`` sees. Raises Refused."""
        return {
            "PATH": DEFAULT_PATH,
            **self._image_env,
            "HOME": user.home,
            "USER": user.name,
            "LOGNAME": user.name,
            "SHELL": user.shell,
            **({"TERM": TERM} if terminal else {}),
            **self._env,
            **variables(extra),
        }

    def directories(self, user: User) -> list[str]:
        """Where to start when nothing is asked: the first of these that is there."""
        return [folder for folder in (self._workdir, user.home, "/") if folder]

    def absolute(self, path: str, user: User) -> str:
        """``path`` seen from the working directory."""
        return os.path.join(self.directories(user)[0], path)

    def _default_user(self) -> User:
        """The template's user; when the image has none of that name, whoever we are."""
        found = self.users.find(self._user) if self._user else None
        if found is not None and os.getuid() in (0, found.uid):
            return found
        own = str(os.getuid())
        return self.users.find(own) or User(own, os.getuid(), os.getgid())


def variables(items: Iterable[Variable]) -> dict[str, str]:
    """As a mapping; the last of a name wins. Raises Refused."""
    env = {}
    for item in items:
        if not item.name or "=" in item.name or "\0" in item.name + item.value:
            raise Refused("invalid_argument", "a variable has a bad name or value", "env")
        env[item.name] = item.value
    return env
