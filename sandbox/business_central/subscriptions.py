"""Webhook subscriptions: creating, renewing and deleting them, each with the handshake."""

import re
import secrets
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from aiohttp import ClientError, ClientTimeout
from yarl import URL

from sandbox.business_central.calls import Answer, Call
from sandbox.business_central.environment import Environment
from sandbox.business_central.errors import ApiError, bad_request, not_found, same_key
from sandbox.business_central.fields import BLANK_GUID, SETS
from sandbox.business_central.store import utc_text
from sandbox.business_central.webhooks import Subscription, Webhooks
from sandbox.kit import Json

_RESOURCE: Final = re.compile(r"(?:.*/)?companies\(([0-9a-fA-F-]{36})\)/(\w+)/?")
_WRITABLE: Final = {"notificationUrl", "resource", "clientState"}


@dataclass(slots=True)
class Subscriptions:
    """The set ``subscriptions``, which does not lie under a company."""

    environment: Environment
    webhooks: Webhooks
    context: str = field(default="/api/v2.0/$metadata#subscriptions")

    async def answer(self, call: Call) -> Answer:
        """Answers GET, POST, PATCH and DELETE; raises ``ApiError``."""
        key = call.target.steps[0].key
        live = self.webhooks.live()
        if key is None:
            if call.method == "GET":
                return Answer(
                    200, {"@odata.context": call.base + self.context, "value": [_shown(s) for s in live]}
                )
            if call.method == "POST":
                return await self._create(call.body)
            raise ApiError(
                405, "BadRequest_MethodNotAllowed", f"{call.method} is not allowed on subscriptions."
            )
        subscription = next((item for item in live if item.key == key), None)
        if subscription is None:
            raise not_found("record", "Webhook Subscription")
        if call.method == "GET":
            return Answer(200, _shown(subscription))
        self._check_match(call, subscription)
        if call.method == "DELETE":
            self.webhooks.drop([subscription])
            return Answer(204)
        return await self._renew(subscription, call.body)

    async def _create(self, body: Json) -> Answer:
        settings = self.environment.settings
        url, company, set_name = self._checked(body)
        live = self.webhooks.live()
        if len(live) >= settings.subscription_limit:
            raise bad_request(f"The maximum number of subscriptions is {settings.subscription_limit}.")
        if any((item.url, item.company, item.set_name) == (url, company, set_name) for item in live):
            raise same_key(
                "API Webhook Subscription", f"Notification Url='{url}',Resource='{body['resource']}'"
            )
        await self._handshake(url)
        subscription = Subscription(
            key=uuid.uuid4().hex,
            url=url,
            resource=str(body["resource"]),
            company=company,
            set_name=set_name,
            client_state=str(body.get("clientState", "")),
            expires=self._expiry(),
        )
        self.webhooks.add(subscription)
        return Answer(201, _shown(subscription))

    async def _renew(self, subscription: Subscription, body: Json) -> Answer:
        url, company, set_name = self._checked(_current(subscription) | body)
        await self._handshake(url)
        subscription.url, subscription.company, subscription.set_name = url, company, set_name
        subscription.client_state = str(body.get("clientState", subscription.client_state))
        subscription.expires = self._expiry()
        subscription.version += 1
        return Answer(200, _shown(subscription))

    def _checked(self, body: Json) -> tuple[str, str, str]:
        """Notification url, company id and set of a request body; raises 400."""
        if not isinstance(body, dict) or not {"notificationUrl", "resource"} <= body.keys():
            raise bad_request(
                "notificationUrl and resource must be given.", "BadRequest_RequiredParamNotProvided"
            )
        unknown = body.keys() - _WRITABLE
        if unknown:
            raise bad_request(f"Control '{min(unknown)}' is read-only.", "BadRequest_InvalidOperation")
        longest = self.environment.settings.client_state_length
        if len(str(body.get("clientState", ""))) > longest:
            text = f"The length of clientState must be less than or equal to {longest} characters."
            raise bad_request(text, "Application_StringExceededLength")
        match = _RESOURCE.fullmatch(str(body["resource"]))
        company = self.environment.store.company(match.group(1)) if match else None
        set_name = match.group(2) if match else ""
        if company is None or set_name not in SETS or not SETS[set_name].subscribable:
            raise bad_request(f"The resource '{body['resource']}' cannot be subscribed to.")
        url = URL(str(body["notificationUrl"]))
        if url.scheme not in ("http", "https") or not url.host:
            raise bad_request(f"The notificationUrl '{url}' is not a url.")
        return str(body["notificationUrl"]), company.key, set_name

    async def _handshake(self, url: str) -> None:
        settings, token = self.environment.settings, secrets.token_hex(16)
        address = URL(url).update_query({"validationToken": token})
        try:
            async with self.webhooks.session().request(
                settings.handshake_method, address, timeout=ClientTimeout(total=settings.handshake_timeout)
            ) as response:
                text = (await response.text()).strip()
                plain = response.content_type == "text/plain"
                if response.status == 200 and text == token and plain:
                    return
                reason = f"answered {response.status} {response.content_type}"
        except (ClientError, TimeoutError) as error:
            reason = f"did not answer: {type(error).__name__}"
        raise bad_request(
            f"The notification url must answer 200 with the validation token as text/plain; it {reason}."
        )

    def _check_match(self, call: Call, subscription: Subscription) -> None:
        sent = call.headers.get("if-match", "")
        if not sent:
            self.environment.breach("If-Match", f"missing on {call.method} subscriptions")
            raise bad_request("An If-Match header must be provided.", "BadRequest_RequiredParamNotProvided")
        if sent not in ("*", subscription.etag):
            text = "Another user has already changed the record."
            raise ApiError(self.environment.settings.stale_status, "Request_EntityChanged", text)

    def _expiry(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.environment.settings.subscription_lifetime)


def _current(subscription: Subscription) -> dict[str, Json]:
    return {
        "notificationUrl": subscription.url,
        "resource": subscription.resource,
        "clientState": subscription.client_state,
    }


def _shown(subscription: Subscription) -> Json:
    created = utc_text(subscription.created)
    return (
        {"@odata.etag": subscription.etag, "subscriptionId": subscription.key}
        | _current(subscription)
        | {
            "timestamp": subscription.version,
            "userId": BLANK_GUID,
            "lastModifiedDateTime": created,
            "expirationDateTime": utc_text(subscription.expires),
            "systemCreatedAt": created,
            "systemCreatedBy": BLANK_GUID,
            "systemModifiedAt": created,
            "systemModifiedBy": BLANK_GUID,
        }
    )
