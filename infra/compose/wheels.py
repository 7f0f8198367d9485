"""The wheels that one part needs, in the versions and with the hashes of requirements.lock.

    python wheels.py auth --out /wheels                  from the configured package index
    python wheels.py auth --out /wheels --from FOLDER    from a folder of wheels, without an index
    python wheels.py all  --out FOLDER                   of every service, to be such a folder

A file by itself: it runs in an image build, before anything is installed. pip finds out which
packages are needed; what is fetched is then checked against the hashes, dependencies included.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SERVICES = {
    "auth": "services/auth",
    "sandbox": "services/sandbox",
    "ws-hub": "services/ws-hub",
    "gateway": "gateway",
}
SHARED = {"insien-kit": "kit", "insien-proto": "proto"}
PYTHON = (3, 11)


def requirements(folder: str, extra: str = "") -> set[str]:
    """What the package in ``folder`` asks for from outside; our own packages are looked into."""
    text = tomllib.loads((ROOT / folder / "pyproject.toml").read_text("utf-8"))
    asked = list(text["project"].get("dependencies", ()))
    if extra:
        asked += text["project"]["optional-dependencies"][extra]
    found: set[str] = set()
    for item in asked:
        own = re.fullmatch(r"(insien-\w+)(?:\[(\w+)\])?", item)
        found |= requirements(SHARED[own[1]], own[2] or "") if own else {item}
    return found


def build_requirements() -> set[str]:
    """What makes wheels of our own packages; not part of any image."""
    folders = (*SERVICES.values(), *SHARED.values())
    texts = [tomllib.loads((ROOT / each / "pyproject.toml").read_text("utf-8")) for each in folders]
    return {item for text in texts for item in text["build-system"]["requires"]}


def wanted(part: str) -> set[str]:
    """Requirements of a service, of the ``build``, or of ``all`` of them."""
    if part == "build":
        return build_requirements()
    if part == "all":
        services = (requirements(folder) for folder in SERVICES.values())
        return build_requirements().union(*services)
    return requirements(SERVICES[part])


def locked(text: str) -> dict[str, str]:
    """The lock by package: name in its normal form to its lines, hashes included."""
    blocks = re.findall(r"^[A-Za-z0-9].*?(?=^[A-Za-z0-9]|\Z)", text, re.MULTILINE | re.DOTALL)
    return {_normal(block.split("==")[0]): block for block in blocks}


def fetch(part: str, out: Path, source: Path | None) -> int:
    """Fill ``out``; the number of wheels. A package that the lock lacks raises KeyError."""
    lock = locked((ROOT / "requirements.lock").read_text("utf-8"))
    index = ["--no-index", "--find-links", str(source)] if source else []
    with tempfile.TemporaryDirectory() as folder:
        pins, subset = Path(folder) / "pins.txt", Path(folder) / "subset.txt"
        pins.write_text("".join(block.split()[0] + "\n" for block in lock.values()))
        names = _resolve(sorted(wanted(part)), pins, index)
        subset.write_text("".join(lock[name] for name in names))
        arguments = ["download", "--require-hashes", "--no-deps", "--only-binary", ":all:"]
        _pip(*arguments, *index, "--dest", str(out), "--requirement", str(subset))
    return len(names)


def _resolve(asked: list[str], pins: Path, index: list[str]) -> list[str]:
    """The packages that pip would install, by name; nothing is installed, no code of theirs run."""
    report = pins.with_name("report.json")
    arguments = ["install", "--dry-run", "--ignore-installed", "--only-binary", ":all:"]
    _pip(*arguments, *index, "--constraint", str(pins), "--report", str(report), *asked)
    items = json.loads(report.read_text("utf-8"))["install"]
    return sorted(_normal(item["metadata"]["name"]) for item in items)


def _pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "-qq", "--disable-pip-version-check", *arguments]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name.strip()).lower()


def main() -> int:
    """Fetch for one part; the images' Python is 3.11, so another one's wheels would not do."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", choices=[*SERVICES, "build", "all"])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--from", dest="source", type=Path)
    arguments = parser.parse_args()
    if sys.version_info[:2] != PYTHON:
        sys.stderr.write("the images run Python 3.11: wheels must be fetched with that\n")
        return 1
    arguments.out.mkdir(parents=True, exist_ok=True)
    source = arguments.source if arguments.source and any(arguments.source.glob("*.whl")) else None
    count = fetch(arguments.part, arguments.out, source)
    sys.stdout.write(f"{arguments.part}: {count} verified wheels\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
