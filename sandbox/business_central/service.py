"""Answers one operation: companies, the service document, reads, writes, files and bound actions."""

from typing import Final

from sandbox.business_central import views
from sandbox.business_central.actions import ACTIONS
from sandbox.business_central.calls import Answer, Call, Place, located
from sandbox.business_central.environment import Environment
from sandbox.business_central.errors import ApiError, bad_request, not_found
from sandbox.business_central.fields import SETS
from sandbox.business_central.reading import Reading
from sandbox.business_central.writing import Writing

_NEEDED_ACCESS: Final = {"POST": "c", "PATCH": "u", "DELETE": "d"}


class Service:
    """The entity sets of one environment."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.reading = Reading(environment)
        self.writing = Writing(environment, self.reading)

    def answer(self, call: Call) -> Answer:
        """Runs one operation in a transaction of its own; raises ``ApiError``."""
        if not call.target.steps:
            return Answer(200, {"value": [{"name": name, "url": name} for name in SETS]})
        if call.method != "GET" and call.headers.get("data-access-intent", "").lower() == "readonly":
            self.environment.breach("Data-Access-Intent", f"ReadOnly on {call.method} {call.target.template}")
            raise bad_request(
                "The data access intent ReadOnly does not allow writing.", "BadRequest_MethodNotAllowed"
            )
        first = call.target.steps[0]
        if first.name == "companies" and len(call.target.steps) == 1:
            return self._companies(call, first.key)
        place = located(self.environment, call.target)
        with self.environment.store.transaction():
            return self._dispatch(call, place)

    def _companies(self, call: Call, key: str | None) -> Answer:
        if call.method != "GET":
            raise _not_allowed(call, "companies")
        rows = list(views.company_rows(self.environment))
        return self.reading.result(call, SETS["companies"], rows, key)

    def _dispatch(self, call: Call, place: Place) -> Answer:
        if place.action:
            return self._act(call, place)
        if place.stream:
            return self._file(call, place)
        if call.method == "GET":
            return self.reading.read(call, place)
        needed = _NEEDED_ACCESS.get(call.method)
        if needed is None or needed not in place.entity_set.access or (needed == "c") != (place.key is None):
            raise _not_allowed(call, place.entity_set.name)
        return self.writing.create(call, place) if needed == "c" else self.writing.modify(call, place)

    def _act(self, call: Call, place: Place) -> Answer:
        action = ACTIONS.get((place.entity_set.name, place.action))
        if action is None or place.key is None:
            raise not_found("segment", place.action)
        if call.method != "POST":
            raise _not_allowed(call, place.action)
        action(self.environment, place.company, place.record())
        return Answer(204)

    def _file(self, call: Call, place: Place) -> Answer:
        if call.method == "GET":
            return Answer(200, content=place.record().hidden["content"])
        if call.method != "PATCH":
            raise _not_allowed(call, place.stream)
        return self.writing.write_file(call, place)


def _not_allowed(call: Call, name: str) -> ApiError:
    return ApiError(405, "BadRequest_MethodNotAllowed", f"The method {call.method} is not allowed on {name}.")
