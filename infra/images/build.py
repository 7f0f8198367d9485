"""Build the images that are missing or stale; one builder at a time on a machine.

The Debian base is pulled when a registry answers within seconds, else made by debootstrap; all
other images are built on it by the classic builder (no BuildKit), whose packages come from the
archive that the base names.
"""

import fcntl
import json
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from urllib.parse import quote, urlencode

from infra.engine import Docker, DockerError, log_dir, run_dir
from infra.engine.debian import AptFailed
from infra.images.debootstrap import CannotDebootstrap, debian_tree, tar_of
from infra.images.recipe import (
    BASES,
    DEBIAN_BASE,
    DEBIAN_CODENAME,
    DIGEST_LABEL,
    UPSTREAM_BASE,
    Recipe,
    base_recipes,
    debian_digest,
)
from infra.images.template import load_template, load_templates

REGISTRY_SECONDS = 5.0

Say = Callable[[str], None]


class BuildFailed(Exception):
    """An image could not be built; the text holds the end of the build's output."""


def ensure_templates(
    docker: Docker, names: Iterable[str], say: Say, force: bool = False
) -> dict[str, str]:
    """Images of the named templates (all, when none is named) as ``{template name: image tag}``."""
    templates = [load_template(name) for name in names] or load_templates()
    recipes = [Recipe(each.name, each.image, each.folder) for each in templates]
    return ensure_images(docker, recipes, say, force)


def ensure_bases(
    docker: Docker, names: Iterable[str], say: Say, force: bool = False
) -> dict[str, str]:
    """The base images of a deployment (all, when none is named); ``debian`` is below them."""
    recipes = {recipe.name: recipe for recipe in base_recipes()}
    chosen = list(names) or ["debian", *recipes]
    if "debian" in chosen:
        ensure_debian_base(docker, say, force)
        chosen.remove("debian")
    if unknown := [name for name in chosen if name not in recipes]:
        raise BuildFailed(
            f"there is no base image {unknown[0]!r}; there are debian, {', '.join(recipes)}"
        )
    return ensure_images(docker, [recipes[name] for name in chosen], say, force)


def ensure_debian_base(docker: Docker, say: Say, force: bool = False) -> str:
    """The Debian image below all others; its tag."""
    with _one_builder():
        return _debian_base(docker, say, force)


def is_current(docker: Docker, tag: str, digest: str) -> bool:
    """Whether an image of that recipe is there."""
    found = docker.inspect_image(tag)
    labels = (found or {}).get("Config", {}).get("Labels") or {}
    return bool(labels.get(DIGEST_LABEL) == digest)


def ensure_images(docker: Docker, recipes: list[Recipe], say: Say, force: bool) -> dict[str, str]:
    """The images of the recipes as ``{name: tag}``; built when missing, stale or ``force``d."""
    with _one_builder():
        for recipe in recipes:
            if force or not is_current(docker, recipe.tag, recipe.digest()):
                _debian_base(docker, say, force=False)
                _timed(say, recipe.tag, partial(_build, docker, recipe, force))
            else:
                say(f"{recipe.tag} is up to date")
    return {recipe.name: recipe.tag for recipe in recipes}


def _debian_base(docker: Docker, say: Say, force: bool) -> str:
    if not force and is_current(docker, DEBIAN_BASE, debian_digest()):
        return DEBIAN_BASE
    if registry_answers(docker):
        _timed(say, f"{DEBIAN_BASE} from {UPSTREAM_BASE}", lambda: _from_registry(docker))
    else:
        say(f"no image registry answers: making {DEBIAN_BASE} with debootstrap")
        _timed(say, DEBIAN_BASE, lambda: _from_archive(docker))
    return DEBIAN_BASE


def registry_answers(docker: Docker) -> bool:
    """Whether the engine can see the upstream base image within a few seconds."""
    path = f"/distribution/{quote(UPSTREAM_BASE)}/json"
    try:
        docker.get(path, timeout=REGISTRY_SECONDS)
    except DockerError:
        return False
    return True


def _from_registry(docker: Docker) -> None:
    docker.pull(UPSTREAM_BASE)
    recipe = Recipe("debian", DEBIAN_BASE, BASES / "debian")
    _run_build(docker, recipe, {"BASE": UPSTREAM_BASE}, debian_digest(), no_cache=True)


def _from_archive(docker: Docker) -> None:
    repository, tag = DEBIAN_BASE.split(":")
    query = urlencode(
        {
            "fromSrc": "-",
            "repo": repository,
            "tag": tag,
            "changes": [f"LABEL {DIGEST_LABEL}={debian_digest()}", 'CMD ["bash"]'],
        },
        doseq=True,
    )
    try:
        with debian_tree(DEBIAN_CODENAME) as root:
            for _ in docker.upload("POST", f"/images/create?{query}", tar_of(root)):
                pass
    except (CannotDebootstrap, AptFailed) as error:
        raise BuildFailed(
            f"no image registry answers, and no base can be made here either: {error}"
        ) from error


def _build(docker: Docker, recipe: Recipe, force: bool) -> None:
    _run_build(docker, recipe, {"BASE": DEBIAN_BASE}, recipe.digest(), no_cache=force)


def _run_build(
    docker: Docker, recipe: Recipe, arguments: dict[str, str], digest: str, no_cache: bool
) -> None:
    query = urlencode(
        {
            "t": recipe.tag,
            "buildargs": json.dumps(arguments),
            "labels": json.dumps({DIGEST_LABEL: digest}),
            "nocache": "1" if no_cache else "0",
            "rm": "1",
            "forcerm": "1",
        }
    )
    path = log_dir() / f"image-{recipe.name}.log"
    with path.open("w") as log:
        try:
            for message in docker.upload("POST", f"/build?{query}", recipe.context()):
                log.write(str(message.get("stream", "")))
        except DockerError as error:
            log.flush()
            tail = path.read_text()[-1500:]
            raise BuildFailed(f"{recipe.tag}: {error}; see {path}\n{tail}") from error


def _timed(say: Say, what: str, act: Callable[[], None]) -> None:
    start = time.monotonic()
    say(f"building {what}")
    act()
    say(f"built {what} in {time.monotonic() - start:.0f} s")


@contextmanager
def _one_builder() -> Iterator[None]:
    with (run_dir() / "images.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
