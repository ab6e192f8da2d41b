"""The entities, one module each: every module of this package that has an ``ENTITY`` is found by itself."""

import importlib
import pkgutil

from shared.engine.entity import Entity
from shared.engine.registry import Registry


def load_entities() -> Registry:
    """All entities of this package, in the order of their module names within a subject."""
    found: list[Entity] = []
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda info: info.name):
        entity = getattr(importlib.import_module(f"{__name__}.{module.name}"), "ENTITY", None)
        if entity is not None:
            found.append(entity)
    return Registry(found)
