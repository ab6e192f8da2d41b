"""The factory: one strict ConnectWise PSA tenant as an aiohttp application."""

import time
import uuid
from base64 import b64decode
from collections import deque
from typing import Final

from aiohttp import web

from sandbox.connectwise import callback_rules
from sandbox.connectwise.accounting import Accounting
from sandbox.connectwise.admin import Admin
from sandbox.connectwise.agreement_screen import AgreementScreen
from sandbox.connectwise.agreements import Agreements
from sandbox.connectwise.callbacks import Callbacks
from sandbox.connectwise.crud import Collection
from sandbox.connectwise.documents import Documents
from sandbox.connectwise.errors import ApiError, no_endpoint
from sandbox.connectwise.expense_screen import ExpenseScreen
from sandbox.connectwise.invoice_screen import InvoiceScreen
from sandbox.connectwise.invoices import Invoices
from sandbox.connectwise.members import Members
from sandbox.connectwise.payments import Payments
from sandbox.connectwise.procurement import Procurement
from sandbox.connectwise.projects import Projects
from sandbox.connectwise.screens import Screen, serve_screens
from sandbox.connectwise.seed import seed
from sandbox.connectwise.service import BASE, Credentials, Service, Settings
from sandbox.connectwise.store import Record
from sandbox.connectwise.unposted_invoices import InvoiceSource
from sandbox.kit import Handler, json_response

LONGEST_URL: Final = 2000
_SETUP: Final = {
    "statuses": ("company/companies/statuses", "CompanyStatus"),
    "types": ("company/companies/types", "CompanyType"),
    "billingTerms": ("finance/billingTerms", "BillingTerm"),
    "billingStatuses": ("finance/billingStatuses", "BillingStatus"),
    "currencies": ("finance/currencies", "Finance.Currency"),
    "taxCodes": ("finance/taxCodes", "TaxCode"),
    "contacts": ("company/contacts", "Contact"),
    "locations": ("system/locations", "Location"),
    "departments": ("system/departments", "Department"),
}


class ConnectWise(Service):
    """The stand-in with all its routes; ``app`` is the application to run."""

    def __init__(self, credentials: Credentials, public_url: str = "") -> None:
        super().__init__(credentials, public_url)
        self._recent: deque[float] = deque()
        self.app.middlewares.append(self._guard)
        self.invoices = Invoices(self)
        self.payments = Payments(self, self.invoices)
        self.callbacks = Callbacks(self)
        self.procurement = Procurement(self)
        self.expenses = ExpenseScreen(self)
        documents = Documents(self)
        invoice_source = InvoiceSource(self.invoices)
        invoice_screen = InvoiceScreen(self.invoices, invoice_source)
        screens = {
            **self._screens(),
            "invoices": invoice_screen.screen(),
            **self.procurement.screens(),
            **self.expenses.screens(),
            **AgreementScreen(Agreements(self), invoice_screen).screens(),
            "projects": Projects(self).screen(),
            "members": Members(self).screen(),
            "documents": documents.screen(),
        }
        unposted = {
            "unpostedinvoices": ("UnpostedInvoice", invoice_source.rows),
            "unpostedexpenses": ("UnpostedExpense", self.expenses.source.rows),
            "unpostedprocurement": ("UnpostedProcurement", self.procurement.unposted),
        }
        self.accounting = Accounting(
            self,
            (invoice_source, *self.procurement.sources, self.expenses.source),
            [
                Collection(self, f"finance/accounting/{path}", entity, "GET", made_rows=rows)
                for path, (entity, rows) in unposted.items()
            ],
        )
        for screen in screens.values():
            screen.collection.serve()
        callback_rules.collection(self).serve()
        Collection(self, "finance/accountingPackageSetup", "AccountingPackageSetup", "GET PUT PATCH").serve()
        parts = (self.invoices, self.procurement, self.expenses.reports, self.accounting, self.payments)
        for part in (*parts, documents):
            part.serve()
        serve_screens(self, screens)
        Admin(self, self.accounting, self.callbacks)
        self.route("GET", "/login/companyinfo/{company}", self._company_info)
        self.route("GET", f"{BASE}/system/info", self._info)
        self.route("GET", f"{BASE}/system/mySecurity", self._security)
        self._made_with = (credentials, public_url)
        seed(self)
        self.keep()

    def _screens(self) -> dict[str, Screen]:
        setup = {name: Screen(Collection(self, path, entity)) for name, (path, entity) in _SETUP.items()}
        companies = Collection(
            self, "company/companies", "Company", complete=self._complete_company, delete=self._delete_company
        )
        items = Collection(self, "procurement/catalog", "CatalogItem", complete=_complete_item)
        return {"companies": Screen(companies), "items": Screen(items), **setup}

    def _complete_company(self, values: Record) -> None:
        store = self.store
        values.setdefault("status", {"id": next(row["id"] for row in store.rows("CompanyStatus"))})
        values.setdefault("types", [{"id": next(row["id"] for row in store.rows("CompanyType"))}])
        values.setdefault("currency", {"id": next(row["id"] for row in store.rows("Finance.Currency"))})
        terms = next((row["id"] for row in store.rows("BillingTerm") if row["defaultFlag"]), None)
        if terms:
            values.setdefault("billingTerms", {"id": terms})

    def _delete_company(self, record: Record, member: str) -> None:
        """A deleted company stays in the recycle bin, with its flag set."""
        record |= {"deletedFlag": True, "deletedBy": member, "dateDeleted": record["_info"]["lastUpdated"]}
        self.store.touch("Company", record, member, "deleted")

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Checks the caller and the rate, and answers refusals in the words of the service."""
        self.public_url = self.public_url or str(request.url.origin())
        try:
            if request.path.startswith(BASE):
                self._check_caller(request)
                if (wait := self._seconds_to_wait()) > 0:
                    return _too_many_requests(wait)
            answer = await handler(request)
        except ApiError as error:
            answer = json_response(error.body(), error.status)
        except web.HTTPNotFound:
            answer = json_response(no_endpoint().body(), 404)
        except web.HTTPMethodNotAllowed as error:
            refusal = ApiError(405, "ConnectWiseApi", f"{error.method} is not allowed here")
            answer = json_response(refusal.body(), 405)
        if not answer.prepared:
            answer.headers["api-current-version"] = "2026.4"
            answer.headers["x-cw-request-id"] = str(uuid.uuid4())
        return answer

    def _check_caller(self, request: web.Request) -> None:
        if len(str(request.url)) > LONGEST_URL:
            self.breach("url length", f"{len(str(request.url))} characters: {request.path}")
        if "clientId" not in request.headers:
            self.breach("clientId header", f"{request.method} {request.path} came without clientId")
            raise ApiError(400, "InvalidObject", "The clientId header is required.")
        if request.headers["clientId"] != self.credentials.client_id:
            raise ApiError(400, "InvalidObject", "The clientId is not known.")
        known = self.credentials
        expected = f"{known.company}+{known.public_key}:{known.private_key}"
        if _basic(request.headers.get("Authorization", "")) != expected:
            raise no_endpoint()

    def _seconds_to_wait(self) -> int:
        """Whole seconds until another call is allowed; 0 when it is allowed now, which also counts it."""
        settings, now = self.settings, time.monotonic()
        while self._recent and self._recent[0] <= now - settings.rate_window_seconds:
            self._recent.popleft()
        if settings.requests_per_minute and len(self._recent) >= settings.requests_per_minute:
            return max(1, round(self._recent[0] + settings.rate_window_seconds - now + 0.5))
        self._recent.append(now)
        return 0

    def keep(self) -> None:
        """Makes the present tables those to which a restart returns."""
        self._kept = self.store.kept()

    def restart(self) -> None:
        """As it was made, without callbacks and with the kept tables."""
        super().restart()
        self.credentials, self.public_url = self._made_with
        self.callbacks.clear()
        self.settings = Settings()
        self._recent.clear()
        self.store.bring_back(self._kept)

    async def _company_info(self, request: web.Request) -> web.Response:
        if request.match_info["company"].lower() != self.credentials.company.lower():
            return json_response(None)
        return json_response(
            {
                "CompanyName": self.credentials.company,
                "Codebase": "v4_6_release/",
                "VersionCode": "v2026.4",
                "VersionNumber": "v4.6.2026.4",
                "CompanyID": self.credentials.company,
                "IsCloud": True,
                "SiteUrl": request.url.authority,
            }
        )

    async def _info(self, _request: web.Request) -> web.Response:
        return json_response(
            {"version": "v2026.4", "isCloud": True, "serverTimeZone": "UTC", "cloudRegion": "NA"}
        )

    async def _security(self, _request: web.Request) -> web.Response:
        levels = {f"{name}Level": "All" for name in ("add", "edit", "delete", "inquire")}
        names = ("Accounting Interface", "Invoicing", "Company Maintenance", "Product Catalog", "API Reports")
        return json_response(
            [{"id": at, "moduleFunctionName": name, **levels} for at, name in enumerate(names, 1)]
        )


def create(
    company: str = "acme",
    public_key: str = "public",
    private_key: str = "private",
    client_id: str = "00000000-0000-4000-8000-000000000000",
    member: str = "dynaconnect",
    public_url: str = "",
) -> ConnectWise:
    """A fresh tenant with its setup tables; without ``public_url`` key addresses name the host that was called first."""
    return ConnectWise(Credentials(company, public_key, private_key, client_id, member), public_url)


def _complete_item(values: Record) -> None:
    values.setdefault("productClass", "NonInventory")


def _basic(header: str) -> str:
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return b64decode(encoded, validate=True).decode()
    except ValueError:
        return ""


def _too_many_requests(seconds: int) -> web.Response:
    text = f"Too many requests. Please try again in {seconds} seconds."
    return json_response({"error": "ConnectWiseAPI", "message": text}, 429, {"Retry-After": str(seconds)})
