"""The default contact of a company, read only when it is another one than before."""

from shared.domain.errors import NotFound
from shared.engine.entity import Job, JsonObject

CONTACT = "contact"


async def default_contact(job: Job) -> JsonObject:
    """``contact`` for the mapping of a company that has no invoice address of its own.

    A company's own change costs no second call: what was read of a contact is kept with the link, and a change
    of the contact itself is taken over when the company next names another one or is synced on demand.
    """
    source = job.source or {}
    reference = source.get("defaultContact")
    if not reference or source.get("invoiceToEmailAddress"):
        return {}
    kept = job.link.facts.get(CONTACT)
    if not kept or kept.get("id") != reference["id"] or job.on_demand:
        try:
            contact = await job.connection.connectwise.read(f"company/contacts/{reference['id']}")
        except NotFound:
            contact = {"id": reference["id"]}
        kept = {name: contact[name] for name in ("id", "communicationItems") if name in contact}
        job.link.facts[CONTACT] = kept
    return {CONTACT: kept}
