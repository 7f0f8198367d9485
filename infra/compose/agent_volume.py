"""Fill the volume that sandboxes mount with the agent: ``agent_volume.py BUNDLE VOLUME``.

Sandboxes may be running from the volume. So every file is put in place by a rename, which leaves
the old one to those who have it open or mapped, and ``VERSION`` comes last: a fill that was cut
short is begun again. Nothing is written when the version is there already.
"""

import os
import shutil
import sys
from pathlib import Path


def fill(bundle: Path, volume: Path) -> bool:
    """Make ``volume`` equal to ``bundle``; whether there was anything to do."""
    version = bundle / "VERSION"
    there = volume / "VERSION"
    if there.exists() and there.read_bytes() == version.read_bytes():
        return False
    there.unlink(missing_ok=True)
    names = [path.relative_to(bundle) for path in sorted(bundle.rglob("*"))]
    for name in names:
        if (bundle / name).is_dir() and not (bundle / name).is_symlink():
            (volume / name).mkdir(exist_ok=True)
            (volume / name).chmod(0o755)
        elif name != Path("VERSION"):
            _place(bundle / name, volume / name)
    volume.chmod(0o755)
    _forget(volume, {str(name) for name in names})
    _place(version, there)
    return True


def _place(source: Path, target: Path) -> None:
    new = target.with_name(f".new-{target.name}")
    new.unlink(missing_ok=True)
    shutil.copy2(source, new, follow_symlinks=False)
    new.replace(target)


def _forget(volume: Path, names: set[str]) -> None:
    """Delete what the bundle no longer has, deepest first."""
    for path in sorted(volume.rglob("*"), reverse=True):
        if str(path.relative_to(volume)) not in names:
            if path.is_dir() and not path.is_symlink():
                path.rmdir()
            else:
                path.unlink()


def main(arguments: list[str]) -> int:
    """Say which version is there now."""
    bundle, volume = (Path(argument) for argument in arguments)
    os.umask(0o022)
    done = "filled with" if fill(bundle, volume) else "has"
    sys.stdout.write(f"the volume {done} agent {(volume / 'VERSION').read_text().strip()}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
