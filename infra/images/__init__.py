"""Sandbox template images and the base images of a deployment, built without a registry."""

from infra.images.build import BuildFailed, ensure_bases, ensure_debian_base, ensure_templates
from infra.images.template import Template, load_template, load_templates

__all__ = [
    "BuildFailed",
    "Template",
    "ensure_bases",
    "ensure_debian_base",
    "ensure_templates",
    "load_template",
    "load_templates",
]
