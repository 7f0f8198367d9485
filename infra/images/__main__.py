"""``python -m infra.images build|build-bases|list [names…] [--force]``."""

import argparse
import sys

from infra.engine import Docker, DockerError
from infra.images.build import BuildFailed, ensure_bases, ensure_templates, is_current
from infra.images.recipe import Recipe, base_recipes
from infra.images.template import BadTemplate, load_templates


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _list(docker: Docker) -> None:
    templates = [Recipe(each.name, each.image, each.folder) for each in load_templates()]
    for recipe in templates + base_recipes():
        found = docker.inspect_image(recipe.tag)
        if found is None:
            _say(f"{recipe.tag:32} missing")
            continue
        state = "current" if is_current(docker, recipe.tag, recipe.digest()) else "stale"
        _say(f"{recipe.tag:32} {state:8} {found['Size'] / 1e6:6.0f} MB")


def main() -> int:
    """Run one subcommand; 0 when the images are as asked."""
    parser = argparse.ArgumentParser(prog="python -m infra.images", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, what in (("build", "template"), ("build-bases", "base")):
        command = commands.add_parser(
            name, help=f"build the {what} images that are missing or stale"
        )
        command.add_argument("names", nargs="*", help="only these; default: all")
        command.add_argument("--force", action="store_true", help="build them anew, without cache")
    commands.add_parser("list", help="the images, their state and size")
    arguments = parser.parse_args()
    docker = Docker.from_environment()
    try:
        if arguments.command == "list":
            _list(docker)
        else:
            act = ensure_templates if arguments.command == "build" else ensure_bases
            act(docker, arguments.names, _say, arguments.force)
    except (BuildFailed, BadTemplate, DockerError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
