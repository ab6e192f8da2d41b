"""Short ways to write documents and map records in these tests."""

from decimal import Decimal
from typing import Any

import simplejson
from hypothesis import HealthCheck, settings

from shared.mapping import Mapped, MappingDocument, Prefetched, business_central, compile_mapping, load

type Json = Any

calm = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""For property tests on busy machines."""

NAME: Json = {"to": "displayName", "from": "name", "overflow": "hold"}


def customer(*rules: Json, **more: Json) -> Json:
    """A customer document with these rules; a name rule is added where none is given, because the target asks for one."""
    fields = list(rules)
    if not any(rule.get("to") == "displayName" for rule in fields):
        fields.append(NAME)
    return {
        "entity": "customer",
        "version": 1,
        "title": "Test",
        "source": "Company",
        "target": "customers",
        "fields": fields,
        **more,
    }


def invoice(*blocks: Json, fields: Json | None = None, **more: Json) -> Json:
    """A sales invoice document with these line blocks."""
    header = fields or [{"to": "externalDocumentNumber", "from": "number", "overflow": "hold"}]
    return {
        "entity": "sales_invoice",
        "version": 1,
        "title": "Test",
        "source": "Invoice",
        "target": "salesInvoices",
        "fields": header,
        "lines": list(blocks),
        **more,
    }


def loaded(document: Json) -> MappingDocument:
    """The document, loaded from its JSON text."""
    return load(simplejson.dumps(document, use_decimal=True))


def mapped(document: Json, source: Json, context: Prefetched | None = None) -> Mapped:
    """The record, mapped by the document to Business Central."""
    return compile_mapping(loaded(document), business_central()).apply(source, context or Prefetched())


def one(rule: Json, source: Json, **more: Json) -> Mapped:
    """The record, mapped by a customer document with this one rule."""
    return mapped(customer(rule, **more), {"name": "Acme", **source})


def dec(text: str) -> Decimal:
    """An exact number."""
    return Decimal(text)
