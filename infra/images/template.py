"""A template: the named recipe that sandboxes are made from, ``templates/<name>/template.toml``."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TEMPLATES = Path(__file__).resolve().parents[1] / "templates"


class BadTemplate(Exception):
    """A template.toml that is missing, malformed or lacks a field; the text names it."""


@dataclass(frozen=True, slots=True)
class Resources:
    """What a sandbox may use unless its creator asks otherwise."""

    cpus: float
    memory_mb: int
    disk_mb: int
    pids: int


@dataclass(frozen=True, slots=True)
class Template:
    """One template; ``user`` and ``workdir`` are where commands run."""

    name: str
    description: str
    image: str
    user: str
    workdir: str
    languages: tuple[str, ...]
    resources: Resources
    folder: Path


def load_templates(root: Path = TEMPLATES) -> list[Template]:
    """All templates, the default one first."""
    found = [_load(path.parent) for path in sorted(root.glob("*/template.toml"))]
    return sorted(found, key=lambda template: template.name != "default")


def load_template(name: str, root: Path = TEMPLATES) -> Template:
    """One template by name."""
    if name not in {path.parent.name for path in root.glob("*/template.toml")}:
        raise BadTemplate(f"there is no template {name!r} in {root}")
    return _load(root / name)


def _load(folder: Path) -> Template:
    path = folder / "template.toml"
    try:
        return _parse(tomllib.loads(path.read_text()), folder)
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise BadTemplate(f"{path}: {type(error).__name__}: {error}") from error


def _parse(data: dict[str, Any], folder: Path) -> Template:
    resources = data["resources"]
    if data["name"] != folder.name:
        raise ValueError(f"name is {data['name']!r}, but the folder is {folder.name!r}")
    return Template(
        name=str(data["name"]),
        description=str(data["description"]),
        image=str(data["image"]),
        user=str(data["user"]),
        workdir=str(data["workdir"]),
        languages=tuple(str(language) for language in data["languages"]),
        resources=Resources(
            cpus=float(resources["cpus"]),
            memory_mb=int(resources["memory_mb"]),
            disk_mb=int(resources["disk_mb"]),
            pids=int(resources["pids"]),
        ),
        folder=folder,
    )
