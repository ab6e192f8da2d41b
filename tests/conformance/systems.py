"""Both stand-ins, served on loopback: what people and other integrations do there, what they hold, what goes wrong."""

from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any, Final

from sandbox.business_central import views
from sandbox.business_central.app import BusinessCentral
from sandbox.business_central.settings import DEFAULT_USER
from sandbox.business_central.store import Company
from sandbox.connectwise.app import ConnectWise
from sandbox.connectwise.service import BASE
from sandbox.kit import Fault, Json, StandIn, dumps, loads
from sandbox.stage import CLIENT_ID
from shared.adapters.wire import open_http
from shared.app import trust
from tests.conformance.pairs import Pair, Pairs
from tests.conformance.traffic import Traffic
from tests.sandbox.business_central_support import KEY

SETTLE_SECONDS: Final = "20"


class Systems:
    """A ConnectWise tenant and a Business Central environment that is set up for the standard mappings."""

    def __init__(self, pairs: Pairs | None = None) -> None:
        self.connectwise: ConnectWise
        self.business_central: BusinessCentral
        self.connectwise_url = ""
        self.business_central_url = ""
        self.http = open_http(30, trust())
        self.pair: Pair
        self.acts = 0
        """A mark of everything that people and other integrations have done so far."""
        self._pairs = pairs

    async def open(self, stack: AsyncExitStack) -> None:
        """Has both served until the stack is closed."""
        await stack.enter_async_context(self.http)
        pairs = self._pairs
        if pairs is None:
            pairs = await stack.enter_async_context(Pairs())
        self.pair = pair = await stack.enter_async_context(pairs.lend())
        self.connectwise, self.connectwise_url = pair.connectwise, pair.connectwise_url
        self.business_central, self.business_central_url = pair.business_central, pair.business_central_url

    # What people do in the two systems.

    async def cw(self, path: str, body: Json = None) -> Json:
        """Does in ConnectWise what a person does there: ``companies``, ``invoices/5/close`` and so on."""
        return await self._admin(self.connectwise_url, path, body)

    async def bc(self, path: str, body: Json = None) -> Json:
        """Does in Business Central what a person does there."""
        return await self._admin(self.business_central_url, path, body)

    async def _admin(self, url: str, path: str, body: Json) -> Json:
        content = dumps(body if body is not None else {})
        self._note(path, content)
        answer = await self.http.post(f"{url}/admin/{path}", content=content)
        assert answer.is_success, f"/admin/{path} answered {answer.status_code}: {answer.text}"
        return loads(answer.content)

    def _note(self, *act: str | None) -> None:
        self.acts = hash((self.acts, act))

    async def cw_call(self, method: str, path: str, body: Json = None) -> Json:
        """A call of the ConnectWise API as somebody else's integration makes it."""
        return await self._call(
            method,
            f"{self.connectwise_url}{BASE}/{path}",
            body,
            auth=("acme+public", "private"),
            headers={"clientId": CLIENT_ID},
        )

    async def bc_call(self, method: str, path: str, body: Json = None) -> Json:
        """A call of the Business Central API, inside the company, as somebody else's integration makes it."""
        url = f"{self.business_central_url}/api/v2.0/companies({self.company.key})/{path}"
        return await self._call(method, url, body, auth=(DEFAULT_USER, KEY), headers={"If-Match": "*"})

    async def _call(self, method: str, url: str, body: Json, **options: Any) -> Json:
        options["headers"] |= {"Content-Type": "application/json"}
        content = None if body is None else dumps(body)
        self._note(method, url, content)
        answer = await self.http.request(method, url, content=content, **options)
        assert answer.is_success, f"{method} {url} answered {answer.status_code}: {answer.text}"
        return loads(answer.content) if answer.content else None

    # What the two systems hold, without a counted call.

    @property
    def company(self) -> Company:
        """The Business Central company that is synced."""
        return self.business_central.company

    def bc_records(self, entity_set: str, **equal: Json) -> list[Json]:
        """The records of a set, as they are answered, whose fields equal the given values."""
        records = self.company.all(entity_set)
        views_of = [(views.row_of(self.company, record), record.values) for record in records]
        rows = [{name: view.read(name) for name in values} for view, values in views_of]
        return [row for row in rows if all(row[name] == value for name, value in equal.items())]

    def cw_records(self, entity: str) -> list[Json]:
        """The records of a ConnectWise table as they are answered."""
        store = self.connectwise.store
        return [store.render(entity, record) for record in store.rows(entity)]

    def cw_record(self, entity: str, record_id: str) -> Json:
        """One ConnectWise record as it is answered."""
        store = self.connectwise.store
        return store.render(entity, store.get(entity, int(record_id)))

    # Faults, costs and broken rules.

    def stand_in(self, system: str) -> StandIn:
        """The stand-in behind a system's name, as the ports are named."""
        return {"connectwise": self.connectwise, "business_central": self.business_central}[system]

    def fault(self, system: str, *faults: Fault) -> None:
        """Replaces the faults of a system; none at all mends it."""
        self.stand_in(system).faults = list(faults)

    def break_credentials(self, system: str) -> Callable[[], None]:
        """Makes our credentials wrong for a system; call what it returns to make them good again."""
        if system == "connectwise":
            good = self.connectwise.credentials
            self.connectwise.credentials = replace(good, private_key="another")

            def mend_connectwise() -> None:
                self.connectwise.credentials = good

            return mend_connectwise
        users = self.business_central.environment.settings.basic_users
        users[DEFAULT_USER] = "another"

        def mend_business_central() -> None:
            users[DEFAULT_USER] = KEY

        return mend_business_central

    def traffic(self) -> Traffic:
        """Counts calls from now on."""
        return Traffic((self.connectwise, self.business_central))

    @property
    def breaches(self) -> list[dict[str, str]]:
        """The documented rules that were broken so far."""
        return [*self.connectwise.breaches, *self.business_central.breaches]

    async def rest_of_hooks(self) -> None:
        """Waits until neither system has a notification under way."""
        await self._settled(self.connectwise_url, "callbacks/pending")
        await self._settled(self.business_central_url, "webhooks/pending")

    async def _settled(self, url: str, path: str) -> None:
        answer = await self.http.get(f"{url}/admin/{path}", params={"wait": SETTLE_SECONDS})
        assert loads(answer.content)["pending"] == 0
