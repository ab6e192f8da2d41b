"""The admin surface: what a person does in Business Central, and the test controls."""

from collections.abc import Awaitable, Callable
from decimal import Decimal
from functools import partial

from aiohttp import web

from sandbox.business_central import (
    admin_purchasing,
    applications,
    documents,
    journals,
    lines,
    receiving,
    seed,
)
from sandbox.business_central.actions import ACTIONS
from sandbox.business_central.admin_state import company_state
from sandbox.business_central.applications import Application
from sandbox.business_central.auth import Auth
from sandbox.business_central.environment import Environment, lcy_code, setup, today
from sandbox.business_central.errors import ApiError
from sandbox.business_central.fields import SETS
from sandbox.business_central.kinds import BY_LINES, KINDS
from sandbox.business_central.ledger import LedgerEntry
from sandbox.business_central.relations import related
from sandbox.business_central.store import Company, Record, Values
from sandbox.business_central.webhooks import Webhooks
from sandbox.kit import Json, StandIn, json_response, loads

type _Action = Callable[[Json], Json]
type _OrderAction = Callable[[Environment, Company, Record, Json], Json]


class Admin:
    """The routes under ``/admin``; bodies are JSON, ``company`` (name or id) defaults to the first one."""

    def __init__(self, environment: Environment, auth: Auth, webhooks: Webhooks) -> None:
        self.environment = environment
        self.auth = auth
        self.webhooks = webhooks

    def serve(self, stand_in: StandIn) -> None:
        """Adds the routes."""
        actions: dict[str, _Action] = {
            "companies": self.add_company,
            "records": self.add_records,
            "edit": self.edit,
            "delete": self.delete,
            "block": self.block,
            "posting-window": self.posting_window,
            "post": self.post_draft,
            "ledger/post": self.post_document,
            "ledger/apply": self.apply,
            "ledger/unapply": self.unapply,
            "purchase-orders/vendor-invoice": self._on_order(admin_purchasing.vendor_invoice_number),
            "purchase-orders/post": self._on_order(admin_purchasing.post_order),
            "purchase-orders/reopen": self._on_order(admin_purchasing.reopen),
            "web-services/publish": partial(admin_purchasing.publish, self.environment),
            "web-services/unpublish": partial(admin_purchasing.unpublish, self.environment),
            "tokens/revoke": lambda _body: {"revoked": self.auth.revoke()},
            "subscriptions/drop": lambda _body: {"dropped": self.webhooks.drop(self.webhooks.live())},
            "settings": self.change_settings,
        }
        for name, action in actions.items():
            stand_in.admin("POST", f"/admin/{name}", _handler(action))
        stand_in.admin("GET", "/admin/settings", self._settings)
        stand_in.admin("GET", "/admin/state", self._state)
        stand_in.admin("GET", "/admin/webhooks/pending", self._pending)

    def add_company(self, body: Json) -> Json:
        """Adds a company with reference data: ``{name, id?, localCurrency?}``."""
        added = seed.company(
            self.environment, body["name"], body.get("id", ""), body.get("localCurrency", "USD")
        )
        return {"id": added.key, "name": added.name}

    def add_records(self, body: Json) -> Json:
        """Adds records as they are, documents as drafts: ``{company?, set, records: [{...}]}``; answers their ids."""
        company = self._company(body)
        with self.environment.store.transaction():
            added = [self._add_record(company, body["set"], item).key for item in body["records"]]
        return {"ids": added}

    def _add_record(self, company: Company, set_name: str, item: Json) -> Record:
        if set_name in KINDS:
            return documents.create(self.environment, company, KINDS[set_name], item)
        if set_name == "journals":
            return journals.create(self.environment, company, item)
        if set_name in BY_LINES:
            raise ValueError("lines are added with their document")
        values = self._values(company, set_name, item)
        hidden = {"postingGroups": True}
        return self.environment.store.insert(company, set_name, values, hidden, key=str(item.get("id", "")))

    def edit(self, body: Json) -> Json:
        """Changes a record as a person: ``{company?, set, key, values, hidden?}``; key is id, number or code."""
        company = self._company(body)
        record = self._record(company, body["set"], body["key"])
        values = self._values(company, body["set"], body.get("values", {}))
        with self.environment.store.transaction():
            changed = self.environment.store.update(company, record, values, body.get("hidden"))
            if record.set_name in BY_LINES:
                if receiving.is_order(record) and "quantity" in values:
                    left = receiving.remainder(self.environment, record.values)
                    self.environment.store.update(company, record, left)
                lines.recalculate(self.environment, company, documents.header_of(company, record))
        return {"changed": changed}

    def delete(self, body: Json) -> Json:
        """Deletes a record as a person, without any check: ``{company?, set, key}``."""
        company = self._company(body)
        self.environment.store.delete(company, self._record(company, body["set"], body["key"]))
        return {}

    def block(self, body: Json) -> Json:
        """Blocks a customer: ``{company?, customerNumber, blocked}``."""
        values = {"blocked": body["blocked"]}
        return self.edit(body | {"set": "customers", "key": body["customerNumber"], "values": values})

    def posting_window(self, body: Json) -> Json:
        """Sets the dates between which posting is allowed: ``{company?, from, to}``."""
        company = self._company(body)
        values = {"allowPostingFrom": body["from"], "allowPostingTo": body["to"]}
        self.environment.store.update(company, setup(company), values)
        return values

    def post_draft(self, body: Json) -> Json:
        """Posts a draft or a journal batch as a person: ``{company?, invoice}`` or ``{company?, set, key}``.

        The key is id, number or code.
        """
        company = self._company(body)
        set_name = body.get("set", "salesInvoices")
        record = self._record(company, set_name, body.get("key") or body["invoice"])
        action = ACTIONS.get((set_name, "Microsoft.NAV.post"))
        if action is None:
            raise ValueError(f"{set_name} cannot be posted")
        action(self.environment, company, record)
        return {"number": record.values.get("number", "")}

    def _on_order(self, action: _OrderAction) -> _Action:
        """An action on a purchase order: ``{company?, order, ...}``, by id or number."""

        def act(body: Json) -> Json:
            company = self._company(body)
            record = self._record(company, "purchaseOrders", body["order"])
            return action(self.environment, company, record, body)

        return act

    def post_document(self, body: Json) -> Json:
        """Posts a payment, refund or credit memo and applies it.

        ``{company?, documentType?, customerNumber, amount, documentNumber, postingDate?, currencyCode?, rate?,
        applications?}``; an application is ``{documentNumber | invoiceId, amount?, discount? | tolerance?}``.
        """
        company = self._company(body)
        currency = body.get("currencyCode", "")
        currency = "" if currency == lcy_code(company) else currency
        day = body.get("postingDate", today())
        entry = LedgerEntry(
            entry_no=company.ledger.next_entry_no(),
            account_no=body["customerNumber"],
            document_type=body.get("documentType", "Payment"),
            document_no=body["documentNumber"],
            posting_date=day,
            document_date=day,
            due_date=day,
            currency_code=currency,
            rate=Decimal(body["rate"]) if "rate" in body else self.environment.rate(currency),
            external_document_no=body.get("externalDocumentNumber", ""),
        )
        targets = self._applications(company, body)
        with self.environment.store.transaction():
            applications.post_document(self.environment, company, entry, Decimal(body["amount"]), targets)
        return {"entryNo": entry.entry_no, "transactionNo": company.ledger.last_transaction}

    def apply(self, body: Json) -> Json:
        """Applies a posted document to others: ``{company?, documentNumber, documentType?, applications}``."""
        company = self._company(body)
        entry = applications.find(company, body["documentNumber"], body.get("documentType", ""))
        with self.environment.store.transaction():
            number = applications.apply(self.environment, company, entry, self._applications(company, body))
        return {"transactionNo": number}

    def unapply(self, body: Json) -> Json:
        """Takes an application back: ``{company?, transactionNo | documentNumber, postingDate?}``."""
        company = self._company(body)
        number = body.get("transactionNo")
        if number is None:
            entry = applications.find(company, body["documentNumber"], body.get("documentType", ""))
            number = applications.last_transaction(company, entry)
        with self.environment.store.transaction():
            applications.unapply(self.environment, company, number, body.get("postingDate", today()))
        return {"transactionNo": number}

    def change_settings(self, body: Json) -> Json:
        """Changes settings by name, see ``settings.py``."""
        self.environment.settings.change(body)
        return self.environment.settings.shown()

    def state(self) -> Json:
        """All records, ledgers, subscriptions and posting counts."""
        companies = [company_state(item) for item in self.environment.store.companies.values()]
        subscriptions = [
            {"subscriptionId": item.key, "notificationUrl": item.url, "resource": item.resource}
            for item in self.webhooks.live()
        ]
        postings = dict(self.environment.postings)
        return {"companies": companies, "subscriptions": subscriptions, "postings": postings}

    def _company(self, body: Json) -> Company:
        name = body.get("company", "")
        found = (
            self.environment.store.company(name)
            if name
            else next(iter(self.environment.store.companies.values()))
        )
        if found is None:
            raise ValueError(f"no company {name}")
        return found

    def _record(self, company: Company, set_name: str, key: str) -> Record:
        code_field = SETS[set_name].code_field
        record = company.get(set_name, key) or (
            company.find(set_name, code_field, key) if code_field else None
        )
        if record is None:
            raise ValueError(f"no record {key} in {set_name}")
        return record

    def _values(self, company: Company, set_name: str, item: Json) -> Values:
        fields = SETS[set_name].fields
        unknown = item.keys() - fields.keys()
        if unknown:
            raise ValueError(f"{set_name} has no {sorted(unknown)}")
        typed = {
            name: Decimal(value) if fields[name].kind == "Decimal" else value for name, value in item.items()
        }
        return related(self.environment, company, set_name, typed)

    def _applications(self, company: Company, body: Json) -> list[Application]:
        result: list[Application] = []
        for item in body.get("applications", []):
            number = item.get("documentNumber")
            if number is None:
                number = self._record(company, "salesInvoices", item["invoiceId"]).values["number"]
            amount = Decimal(item["amount"]) if "amount" in item else None
            granted = "Payment_x0020_Tolerance" if "tolerance" in item else "Payment_x0020_Discount"
            part = Decimal(item.get("tolerance", item.get("discount", 0)))
            result.append(Application(number, amount, part, granted))
        return result

    async def _settings(self, _request: web.Request) -> web.Response:
        return json_response(self.environment.settings.shown())

    async def _state(self, _request: web.Request) -> web.Response:
        return json_response(self.state())

    async def _pending(self, request: web.Request) -> web.Response:
        """Undelivered notifications; ``?wait=seconds`` answers as soon as there are none."""
        pending = await self.webhooks.settled(float(request.query.get("wait", "0")))
        return json_response({"pending": pending, "delivered": self.webhooks.delivered})


def _handler(action: _Action) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handle(request: web.Request) -> web.StreamResponse:
        content = await request.read()
        try:
            return json_response(action(loads(content) if content else {}))
        except KeyError as error:
            return json_response({"error": f"missing {error}"}, 400)
        except (ApiError, ValueError) as error:
            return json_response({"error": str(error)}, 400)

    return handle
