"""What routing rules look at: the record, and behind its references what ConnectWise answers only in full."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from shared.domain.errors import NotFound
from shared.ports.systems import ConnectWise

FOLLOWED: Final[Mapping[str, str]] = {
    "company": "company/companies",
    "billToCompany": "company/companies",
    "shipToCompany": "company/companies",
    "agreement": "finance/agreements",
    "project": "project/projects",
    "location": "system/locations",
    "department": "system/departments",
    "member": "system/members",
}
"""References that a rule may look behind, and where ConnectWise serves what they name."""


async def complete(
    connectwise: ConnectWise, source: Mapping[str, Any], paths: Iterable[str]
) -> dict[str, Any]:
    """The record with every reference read in full that one of the paths looks behind.

    ``company.name`` is part of the reference and costs nothing; ``company.types[].name`` costs one call.
    """
    whole = dict(source)
    for path in paths:
        name, _, rest = path.removeprefix("^.").partition(".")
        wanted = rest.partition(".")[0].partition("[")[0]
        reference = whole.get(name)
        if not wanted or name not in FOLLOWED or not isinstance(reference, dict):
            continue
        if wanted not in reference and reference.get("id"):
            whole[name] = {**await _read(connectwise, f"{FOLLOWED[name]}/{reference['id']}"), **reference}
    return whole


async def _read(connectwise: ConnectWise, path: str) -> dict[str, Any]:
    try:
        return await connectwise.read(path)
    except NotFound:
        return {}
