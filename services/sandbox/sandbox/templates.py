"""Templates: one folder each with a `template.toml`, read when the service starts.

name = "default"            description = "…"       image = "insien/default:1"
user = "user"               workdir = "/home/user"  languages = ["python"]
runtime = "runsc" (optional: the engine's default)   warm = 2 (optional: WARM_POOL_SIZE)
[resources]  cpus = 1.0  memory_mb = 512  disk_mb = 2048  pids = 256
"""

import hashlib
import tomllib
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sandbox.models import Resources, Template


class TemplateInvalid(Exception):
    """A template file is not as it should be; the text names the file and the field."""


class _ResourcesFile(BaseModel):
    model_config = ConfigDict(extra="forbid")

    cpus: float = Field(gt=0)
    memory_mb: int = Field(ge=16)
    disk_mb: int = Field(ge=16)
    pids: int = Field(256, ge=8)


class _TemplateFile(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")
    description: str
    image: str
    user: str = "root"
    workdir: str = ""
    languages: tuple[str, ...] = ()
    runtime: str = ""
    warm: int | None = Field(None, ge=0)
    resources: _ResourcesFile


def load(folder: Path, warm_pool_size: int) -> dict[str, Template]:
    """All templates in the folder, by name. Raises TemplateInvalid, also when there is none."""
    found: dict[str, Template] = {}
    for path in sorted(folder.glob("*/template.toml")):
        template = _read(path, warm_pool_size)
        if template.name in found:
            raise TemplateInvalid(f"{path}: the name {template.name!r} is taken")
        found[template.name] = template
    if not found:
        raise TemplateInvalid(f"no template in {folder}")
    return found


def _read(path: Path, warm_pool_size: int) -> Template:
    try:
        document = _TemplateFile.model_validate(tomllib.loads(path.read_text("utf-8")))
    except (OSError, tomllib.TOMLDecodeError, ValidationError) as error:
        raise TemplateInvalid(f"{path}: {error}") from error
    return Template(
        name=document.name,
        description=document.description,
        image=document.image,
        user=document.user,
        workdir=document.workdir,
        languages=document.languages,
        resources=Resources(**document.resources.model_dump()),
        runtime=document.runtime,
        warm=warm_pool_size if document.warm is None else document.warm,
    )


class Catalog:
    """The templates, and a fingerprint of each: of all that a warm sandbox of it was started with.

    `site` is what all sandboxes share (networks, agent); `images` what image names stand for.
    """

    def __init__(self, templates: Mapping[str, Template], site: str) -> None:
        self.templates = templates
        self._site = site
        self._images: dict[str, str] = {}

    def get(self, name: str) -> Template | None:
        """The template of that name."""
        return self.templates.get(name)

    def saw_image(self, image: str, image_id: str) -> None:
        """The name stands for that image now."""
        self._images[image] = image_id

    def fingerprint(self, template: Template) -> str:
        """Empty while the image is not known."""
        image_id = self._images.get(template.image)
        if image_id is None:
            return ""
        text = "\n".join([self._site, image_id, repr((template.resources, template.runtime))])
        return hashlib.sha256(text.encode()).hexdigest()[:32]
