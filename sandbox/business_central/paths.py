"""Addresses of the services taken apart: route, company, entity sets with keys, action."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sandbox.business_central.errors import not_found

ODATA_V4: Final = "ODataV4"
_ROUTE: Final = re.compile(r"/?(ODataV4|api/(?:v[\d.]+|[^/]+/[^/]+/(?:v[\d.]+|beta)))(?:/(.*))?$")
_COMPANIES: Final = {"companies", "Company"}
_STEP: Final = re.compile(r"([A-Za-z$][\w.$]*)(?:\((.*)\))?$")


@dataclass(frozen=True, slots=True)
class Step:
    """One segment: an entity set or action, and the key in parentheses."""

    name: str
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """What an address means; ``template`` is the address with the keys replaced, used for counting."""

    route: str
    company: str
    steps: tuple[Step, ...]
    template: str


def resolved(path: str, query: Mapping[str, str]) -> Target:
    """The target of a decoded path; raises 404 when it lies outside of every route."""
    match = _ROUTE.fullmatch(path.rstrip("/"))
    if match is None:
        raise not_found("segment", path)
    route, rest = match.groups()
    steps: list[Step] = []
    for part in (rest or "").split("/"):
        found = _STEP.fullmatch(part)
        if found is None and part:
            raise not_found("segment", part)
        if found:
            steps.append(Step(found.group(1), _key(found.group(2))))
    template = "/".join([f"/{route}", *(_shape(step) for step in steps)])
    company = query.get("company", "")
    below = len(steps) > 1 or route == ODATA_V4
    if steps and below and steps[0].name in _COMPANIES and steps[0].key is not None:
        company, steps = steps[0].key, steps[1:]
    return Target(route, company, tuple(steps), template)


def _key(text: str | None) -> str | None:
    if text is None:
        return None
    bare = re.sub(r"^id=", "", text, flags=re.IGNORECASE)
    return bare[1:-1].replace("''", "'") if bare[:1] == bare[-1:] == "'" else bare


def _shape(step: Step) -> str:
    if step.key is None:
        return step.name
    return f"{step.name}({'{company}' if step.name in _COMPANIES else '{id}'})"
