"""Values in filters: each comes back as exactly itself and never changes what is asked.

The judges are the stand-ins' own parsers.
"""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import httpx
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from sandbox.business_central.fields import SETS
from sandbox.business_central.filters import FilterRules, compiled
from sandbox.connectwise.conditions import compile_conditions, parse_instant
from sandbox.connectwise.schema import field_at
from sandbox.connectwise.store import Path
from shared.adapters.business_central import odata
from shared.adapters.business_central.client import BusinessCentralClient
from shared.adapters.business_central.errors import TABLE as BUSINESS_CENTRAL_ERRORS
from shared.adapters.connectwise import conditions
from shared.adapters.connectwise.client import ConnectWiseClient
from shared.adapters.connectwise.errors import TABLE as CONNECTWISE_ERRORS
from shared.adapters.http import Headers, JsonClient
from shared.ports.systems import Lookup
from tests.sandbox import business_central_support, connectwise_support

HOSTILE = [
    "",
    "'",
    "''",
    '"',
    'O\'Brien & Daughters "Bakery"',
    "x' or displayName ne '",
    "x') or (email eq '",
    'x" or id > 0 or batchIdentifier = "',
    "x' or id > 0 or batchIdentifier = 'y",
    "\\",
    'trailing \\" or id > 0 or batchIdentifier="',
    "[text]",
    "[[]",
    "100% *sure*",
    "a/b?c#d&e=f+g;h",
    "%27 or 1 eq 1",
    "line\nbreak\ttab\x00null",
    "Žižka ☃ 漢字 𐀀",
    "null",
    "2026-01-01",
    "$filter=x&$select=y",
]
TEXTS = st.text(max_size=60) | st.sampled_from(HOSTILE) | st.text(alphabet="'\"\\[]%*()= oradnd", max_size=30)


def field_value(text: str, values: dict[str, str]) -> bool:
    """Whether a filter over customers holds for these fields; it may not look at any other."""
    return compiled(SETS["customers"], text, FilterRules())(values.__getitem__)


@given(TEXTS, TEXTS)
def test_an_odata_text_equals_itself_only(value: str, other: str) -> None:
    text = odata.all_equal({"displayName": value})
    assert field_value(text, {"displayName": value})
    assert field_value(text, {"displayName": other}) is (value == other)


@given(TEXTS, TEXTS, TEXTS)
def test_several_odata_fields_must_all_equal(name: str, email: str, other: str) -> None:
    text = odata.all_equal({"displayName": name, "email": email})
    assert field_value(text, {"displayName": name, "email": email})
    assert field_value(text, {"displayName": name, "email": other}) is (email == other)


@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=40), st.integers(1, 10**9))
def test_one_of_several_numbers(numbers: list[int], other: int) -> None:
    condition = compiled(
        SETS["customers"], odata.any_number("balanceDue", numbers), FilterRules(computed=True)
    )
    assert all(condition({"balanceDue": number}.__getitem__) for number in numbers)
    assert condition({"balanceDue": other}.__getitem__) is (other in numbers)


@given(st.text(max_size=40) | st.text("0123456789abcdefABCDEF-", max_size=40))
def test_only_the_characters_of_an_id_make_a_key(text: str) -> None:
    if re.fullmatch("[0-9a-fA-F-]+", text):
        assert odata.key("customers", text) == f"customers({text})"
    else:
        with pytest.raises(ValueError, match="not a record id"):
            odata.key("customers", text)


def batch_value(text: str, value: str) -> bool:
    """Whether a condition over accounting batches holds for an identifier; it may not look at another field."""

    def get(path: Path) -> str:
        assert path == ("batchIdentifier",)
        return value

    return compile_conditions(text, lambda path: field_at("AccountingBatch", path))(get)


@given(TEXTS)
@example("2026-01-31-IINV-1001")
def test_a_connectwise_text_finds_itself(value: str) -> None:
    text = conditions.equal("batchIdentifier", value)
    assert batch_value(text, value)
    assert re.fullmatch(r"""batchIdentifier (=|like) "[^"'\\\[\]]*\"""", text)


@given(TEXTS, TEXTS)
def test_a_plain_connectwise_text_finds_nothing_else(value: str, other: str) -> None:
    text = conditions.equal("batchIdentifier", value)
    assume(" like " not in text)
    assert batch_value(text, other) is (value.lower() == other.lower())


@given(st.datetimes(min_value=datetime(2000, 1, 1), timezones=st.timezones()))  # noqa: DTZ001
def test_a_moment_is_whole_seconds_in_utc(moment: datetime) -> None:
    text = conditions.moment(moment)
    assert parse_instant(text.strip("[]")) == moment.astimezone(UTC).replace(microsecond=0)
    assert conditions.changed_since(moment) == f"lastUpdated > {text}"


@pytest.fixture(scope="module")
async def central() -> AsyncIterator[tuple[BusinessCentralClient, business_central_support.Case]]:
    async with business_central_support.running() as case:

        async def none(refused: Headers | None) -> Headers:
            return {}

        client = JsonClient("Business Central", case.api, case.url, none, BUSINESS_CENTRAL_ERRORS)
        yield BusinessCentralClient(client, "Northwind Services"), case


PRINTABLE = [text for text in HOSTILE if text and text.isprintable()]


async def test_hostile_names_are_found_one_by_one_and_in_a_batch(
    central: tuple[BusinessCentralClient, business_central_support.Case],
) -> None:
    client, case = central
    names = [*PRINTABLE, "Zeta"]
    for number, name in enumerate(names):
        await client.create("customers", {"number": f"H{number}", "displayName": name})
    lookups = [Lookup("customers", "displayName", name) for name in names]
    for name, lookup in zip(names, lookups, strict=True):
        [rows] = await client.find([lookup])
        assert [row["displayName"] for row in rows] == [name]
    assert [[row["displayName"] for row in rows] for rows in await client.find(lookups)] == [
        [n] for n in names
    ]
    found = [row async for page in client.scan("customers", equal={"displayName": names[3]}) for row in page]
    assert [row["displayName"] for row in found] == [names[3]]
    assert await case.breaches() == []


async def test_pages_are_followed_on_our_own_host(
    central: tuple[BusinessCentralClient, business_central_support.Case],
) -> None:
    client, case = central
    await case.admin("settings", {"page_cap": 3})
    rows = [row async for page in client.scan("customers", select=("id", "number")) for row in page]
    await case.admin("settings", {"page_cap": 20_000})
    numbers = [row["number"] for row in rows]
    assert len(numbers) == len(set(numbers)) == len(await case.rows("customers"))


@pytest.mark.parametrize("identifier", PRINTABLE)
async def test_a_batch_is_found_by_its_exact_identifier(identifier: str) -> None:
    async with connectwise_support.running() as tenant:
        store = tenant.stand_in.store
        for name in (f"{identifier}0", identifier, f"x{identifier}"):
            store.insert("AccountingBatch", {"batchIdentifier": name, "closedFlag": True}, "admin")

        async def given_headers(refused: Headers | None) -> Headers:
            return {}

        http: httpx.AsyncClient = tenant.api
        base = f"{tenant.url}/v4_6_release/apis/3.0"
        client = ConnectWiseClient(JsonClient("ConnectWise", http, base, given_headers, CONNECTWISE_ERRORS))
        batch = await client.find_batch(identifier)
        assert batch is not None
        assert batch["batchIdentifier"] == identifier
        assert await client.find_batch(f"{identifier}?") is None
        assert tenant.breaches == []
