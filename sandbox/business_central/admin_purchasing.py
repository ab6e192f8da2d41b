"""The admin surface of purchasing and web services: what people do in Business Central there."""

from sandbox.business_central import order_posting
from sandbox.business_central.environment import Environment
from sandbox.business_central.pages import PAGES
from sandbox.business_central.store import Company, Record
from sandbox.kit import Json


def vendor_invoice_number(environment: Environment, company: Company, order: Record, body: Json) -> Json:
    """Sets the Vendor Invoice No. of an order, which the API does not have: ``{vendorInvoiceNumber}``."""
    hidden = {"vendorInvoiceNumber": str(body["vendorInvoiceNumber"]).upper()}
    environment.store.update(company, order, {}, hidden)
    return {}


def post_order(environment: Environment, company: Company, order: Record, body: Json) -> Json:
    """Posts an order, both halves or one: ``{receive?, invoice?}``."""
    receive, invoice = body.get("receive", True), body.get("invoice", True)
    order_posting.post(environment, company, order, receive=receive, invoice=invoice)
    return {}


def reopen(environment: Environment, company: Company, order: Record, _body: Json) -> Json:
    """Reopens a released order, so that it can be changed again."""
    environment.store.update(company, order, {"status": "Draft"}, {"released": False})
    return {}


def publish(environment: Environment, body: Json) -> Json:
    """Publishes a page as a web service: ``{name, page}``; pages 25, 537 and 573 are known."""
    page = str(body["page"])
    if page not in PAGES:
        raise ValueError(f"page {page} is not known; known are {', '.join(PAGES)}")
    environment.web_services[body["name"]] = page
    return dict(environment.web_services)


def unpublish(environment: Environment, body: Json) -> Json:
    """Takes a web service away: ``{name}``."""
    if environment.web_services.pop(body["name"], None) is None:
        raise ValueError(f"no web service {body['name']}")
    return dict(environment.web_services)
