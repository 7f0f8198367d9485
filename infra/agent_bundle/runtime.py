"""Assemble the bundle's Python from unpacked packages: interpreter, loader, libraries, stdlib."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from infra.agent_bundle import compiling
from infra.agent_bundle.elf import interpreter_of
from infra.agent_bundle.entrypoint import MOUNT, interpreter
from infra.agent_bundle.packages import inside
from infra.agent_bundle.stdlib import EXTENSIONS, wanted

PYTHON = "python3.11"


class RuntimeFailed(Exception):
    """The packages do not hold what the bundle needs; the text says what is missing."""


@dataclass(frozen=True, slots=True)
class _Packages:
    """The unpacked packages: where their loader, libraries and extension modules are."""

    root: Path

    @property
    def program(self) -> Path:
        return self.root / "usr/bin" / PYTHON

    @property
    def loader(self) -> Path:
        return inside(self.root, interpreter_of(self.program))

    @property
    def library(self) -> Path:
        return self.root / "usr/lib" / PYTHON

    def library_path(self) -> str:
        """The folders named after the machine's architecture, whatever it is."""
        folders = {path.parent for path in self.root.rglob("lib*.so.*")}
        return ":".join(str(folder) for folder in sorted(folders))

    def extension(self, name: str) -> Path:
        found = list(self.library.glob(f"lib-dynload/{name}.cpython-*.so"))
        if len(found) != 1:
            raise RuntimeFailed(f"the packages hold no extension module {name}")
        return found[0]

    def needed(self, binaries: list[Path]) -> dict[str, Path]:
        """The shared objects that the binaries load, by the name they ask for."""
        found = {}
        for binary in binaries:
            command = [str(self.loader), "--inhibit-cache", "--library-path"]
            command += [self.library_path(), "--list", str(binary)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            for line in done.stdout.splitlines():
                name, arrow, target = line.strip().partition(" => ")
                path = Path(target.split(" (")[0])
                if arrow and not name.startswith("/"):
                    if not path.is_relative_to(self.root):
                        raise RuntimeFailed(f"{binary.name} needs {name}, which no package holds")
                    found[name] = path
        return found


def assemble(root: Path, out: Path) -> None:
    """Fill ``out`` with everything but the agent itself."""
    packages = _Packages(root)
    for folder in ("bin", "so", f"lib/{PYTHON}/lib-dynload"):
        (out / folder).mkdir(parents=True)
    extensions = [packages.extension(name) for name in EXTENSIONS]
    _copy(packages.loader, out / "ld.so", 0o755)
    _copy(packages.program, out / "bin/python3", 0o755)
    for path in extensions:
        _copy(path, out / f"lib/{PYTHON}/lib-dynload" / path.name, 0o644)
    for name, path in packages.needed([packages.program, *extensions]).items():
        _copy(path, out / "so" / name, 0o644)
    _copy_stdlib(packages.library, out / "lib" / PYTHON)
    compile_tree(out, "bare", f"lib/{PYTHON}")


def compile_tree(out: Path, mode: str, folder: str) -> None:
    """Compile ``folder`` of the bundle at ``out`` with the bundle's interpreter."""
    command = [*interpreter(str(out)), "-B"]
    if mode == "bare":
        command += ["-X", "no_debug_ranges"]
    script = str(Path(compiling.__file__))
    arguments = [mode, str(out / folder), f"{MOUNT}/{folder}"]
    done = subprocess.run(
        [*command, script, *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise RuntimeFailed(f"compiling {folder} failed: {done.stderr[-1500:]}")


def _copy_stdlib(library: Path, out: Path) -> None:
    for source in sorted(library.rglob("*.py")):
        name = source.relative_to(library)
        if wanted(PurePosixPath(name)):
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            _copy(source, out / name, 0o644)


def _copy(source: Path, target: Path, mode: int) -> None:
    shutil.copyfile(source, target)
    target.chmod(mode)
