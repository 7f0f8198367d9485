"""``python -m agent``: read the settings, hide them, run."""

from __future__ import annotations

import gc
import os
import sys

from agent.app import App
from agent.concealment import conceal
from agent.settings import Settings, SettingsError


def main() -> int:
    """The exit code: 0 after SIGTERM, 2 when the settings are wrong."""
    env = dict(os.environ)
    try:
        settings = Settings(env)
    except SettingsError as error:
        sys.stderr.write(f"insien-agent: {error}\n")
        return 2
    for name in [name for name in os.environ if name.startswith("INSIEN_")]:
        del os.environ[name]
    conceal()
    gc.freeze()  # what is loaded stays; children share it
    return App(settings, env).run()


if __name__ == "__main__":
    sys.exit(main())
