"""What a create's body asks for, with the template's defaults and the settings' bounds."""

import hashlib
import hmac
import json
from fnmatch import fnmatchcase
from uuid import UUID

from kit.errors import FieldError, NotFound, ValidationFailed
from kit.tokens import derive
from sandbox.errors import ImageNotAllowed
from sandbox.lifecycle.create import Wanted
from sandbox.lifecycle.extend import check_lifetime
from sandbox.lifecycle.parts import Parts
from sandbox.models import NewSandbox, Resources, Template
from sandbox.repository.idempotency import Key
from sandbox.schemas import CreateBody, ResourcesBody
from sandbox.settings import SandboxSettings

MOST_KEY_CHARACTERS = 255


def wanted(parts: Parts, body: CreateBody, user_id: UUID, idempotency_key: str | None) -> Wanted:
    """The create. Raises ValidationFailed naming the field, ImageNotAllowed."""
    settings = parts.settings
    template = parts.catalog.get(body.template)
    if template is None:
        raise ValidationFailed.of("template", "is not a template that exists here")
    if body.timeout_seconds is not None:
        check_lifetime(settings, body.timeout_seconds)
    default = settings.sandbox_timeout_default_seconds.total_seconds()
    new = NewSandbox(
        template=template,
        image=_image(settings, body.image, template),
        resources=_resources(settings, body.resources, template),
        egress=body.network.egress,
        metadata=body.metadata,
        lifetime_seconds=float(body.timeout_seconds or default),
    )
    key = _key(settings, body, user_id, idempotency_key) if idempotency_key is not None else None
    return Wanted(new=new, env=body.env, wait=body.wait, key=key)


def port_number(text: str) -> int:
    """A port in a path. Raises NotFound for what is no port: nothing is there."""
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:6]) <= 65535:
        raise NotFound("There is nothing at this path.")
    return int(text)


def _image(settings: SandboxSettings, image: str | None, template: Template) -> str:
    if image is None or image == template.image:
        return template.image
    if not any(fnmatchcase(image, pattern) for pattern in settings.allowed_images):
        raise ImageNotAllowed(image)
    return image


def _resources(settings: SandboxSettings, body: ResourcesBody, template: Template) -> Resources:
    mosts = {
        "cpus": settings.max_cpus,
        "memory_mb": settings.max_memory_mb,
        "disk_mb": settings.max_disk_mb,
    }
    names = {"cpus": "cpus", "memory_mb": "memoryMb", "disk_mb": "diskMb"}
    asked = body.model_dump(exclude_none=True)
    wrong = [
        FieldError(f"resources.{names[name]}", f"must be at most {mosts[name]}")
        for name, value in asked.items()
        if value > mosts[name]
    ]
    if wrong:
        raise ValidationFailed(f"{wrong[0].field}: {wrong[0].message}", errors=wrong)
    limits = template.resources
    return Resources(
        cpus=asked.get("cpus", limits.cpus),
        memory_mb=asked.get("memory_mb", limits.memory_mb),
        disk_mb=asked.get("disk_mb", limits.disk_mb),
        pids=limits.pids,
    )


def _key(settings: SandboxSettings, body: CreateBody, user_id: UUID, key: str) -> Key:
    if not 1 <= len(key) <= MOST_KEY_CHARACTERS or not key.isprintable():
        raise ValidationFailed.of(
            "Idempotency-Key", f"must be 1 to {MOST_KEY_CHARACTERS} printable characters"
        )
    secret = derive(settings.internal_secret.get_secret_value(), "idempotency")
    text = json.dumps(body.model_dump(mode="json", exclude={"tier"}), sort_keys=True)
    return Key(user_id, key, hmac.new(secret, text.encode(), hashlib.sha256).hexdigest())
