"""Reading: addresses, filters, projection, expansion, paging and what is refused."""

from collections.abc import AsyncIterator

import pytest

from tests.sandbox.business_central_support import Case, running


@pytest.fixture(scope="module")
async def bc() -> AsyncIterator[Case]:
    async with running() as case:
        names = [("A1", "O'Neil, Ltd."), ("A2", "Alpha"), ("A3", "Beta"), ("A4", "Alphabet")]
        for number, name in names:
            body = {"number": number, "displayName": name, "creditLimit": len(name)}
            await case.call("POST", "customers", body)
        await case.call("PATCH", f"customers({(await case.rows('customers'))[3]['id']})", {"blocked": "All"})
        yield case


async def test_companies_and_both_ways_to_address_one(bc: Case) -> None:
    companies = (await bc.get("/api/v2.0/companies"))["value"]
    assert [item["name"] for item in companies] == ["Northwind Services", "Northwind Devices"]
    by_path = await bc.rows("customers")
    by_query = await bc.rows("/api/v2.0/customers", company=bc.company)
    assert by_path == by_query
    assert await bc.rows(f"/api/v2.0/companies({companies[1]['id']})/customers") == []
    assert (await bc.fails("GET", "/api/v2.0/customers"))[0] == "BadRequest_RequiredParamNotProvided"
    missing = "/api/v2.0/companies(2f1d7a5e-6a65-4f0b-9a53-9d0f8c1b7e10)/customers"
    assert (await bc.fails("GET", missing))[0] == "Internal_CompanyNotFound"


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("displayName eq 'O''Neil, Ltd.'", ["A1"]),
        ("startswith(displayName,'Alpha')", ["A2", "A4"]),
        ("endswith(displayName,'bet') eq true", ["A4"]),
        ("contains(tolower(displayName),'ALPHA')", []),
        ("contains(tolower(displayName),'alpha') and blocked eq 'All'", ["A4"]),
        ("substring(displayName,1,2) eq 'et'", ["A3"]),
        ("number eq 'a2' or number eq 'A3'", ["A2", "A3"]),
        ("(number gt 'A1' and number le 'A3') and blocked ne 'All'", ["A2", "A3"]),
        ("blocked eq ' '", ["A1", "A2", "A3"]),
        ("creditLimit ge 8", ["A1", "A4"]),
        ("creditLimit lt 4.5", ["A3"]),
        ("taxLiable eq false and creditLimit eq 5", ["A2"]),
        ("paymentTermsId eq 00000000-0000-0000-0000-000000000000 and number eq 'A1'", ["A1"]),
        ("lastModifiedDateTime gt 2020-01-01T00:00:00Z and number lt 'A2'", ["A1"]),
        ("email eq null and number eq 'A4'", ["A4"]),
    ],
)
async def test_filters(bc: Case, text: str, numbers: list[str]) -> None:
    assert [row["number"] for row in await bc.rows("customers", text)] == numbers


@pytest.mark.parametrize(
    "text",
    [
        "number eq 'A1' or displayName eq 'Beta'",
        "name eq 'A1'",
        "number eq 1",
        "id eq '00000000-0000-0000-0000-000000000000'",
        "creditLimit eq '1'",
        "lastModifiedDateTime gt 2020-01-01",
        "blocked eq 'Maybe'",
        "currencyCode eq 'EUR'",
        "number in ('A1','A2')",
        "not startswith(number,'A')",
        "number eq 'A1",
        "(number eq 'A1'",
    ],
)
async def test_filters_that_are_refused(bc: Case, text: str) -> None:
    assert (await bc.fails("GET", "customers", **{"$filter": text}))[0] == "BadRequest"


async def test_dates_and_dimension_values_in_filters(bc: Case) -> None:
    rows = await bc.rows("accountingPeriods", "startingDate eq 2000-01-01 or startingDate lt 1999-12-31")
    assert rows == []
    dimension = (await bc.rows("dimensions", "code eq 'LOCATION'"))[0]
    values = await bc.rows(f"dimensions({dimension['id']})/dimensionValues")
    assert [row["code"] for row in values] == ["EAST", "WEST"]
    assert values == await bc.rows("dimensionValues", f"dimensionId eq {dimension['id']}")


async def test_a_lambda_is_ignored_and_noted(bc: Case) -> None:
    text = "defaultDimensions/any(d: d/dimensionCode eq 'LOCATION')"
    assert len(await bc.rows("customers", text)) == 4
    assert "lambda in $filter" in await bc.breaches()


async def test_select_order_count_top_and_skip(bc: Case) -> None:
    query = {"$select": "number", "$orderby": "displayName desc", "$top": "2", "$skip": "1", "$count": "true"}
    answer = await bc.get("customers", **query)
    assert answer["@odata.count"] == 4
    assert answer["@odata.context"].endswith(f"/api/v2.0/$metadata#companies({bc.company})/customers")
    assert [{"@odata.etag", "number"} == row.keys() for row in answer["value"]] == [True, True]
    assert [row["number"] for row in answer["value"]] == ["A3", "A4"]
    assert (await bc.fails("GET", "customers", **{"$select": "nope"}))[0] == "BadRequest"
    assert (await bc.fails("GET", "customers", **{"$apply": "x"}))[0] == "BadRequest"


@pytest.mark.parametrize("order", ["", "number desc"])
async def test_paging_by_the_preferred_size(bc: Case, order: str) -> None:
    query = {"$select": "number", "$top": "3"} | ({"$orderby": order} if order else {})
    first = await bc.send("GET", "customers", headers={"Prefer": "odata.maxpagesize=2"}, **query)
    page = first.json()
    assert len(page["value"]) == 2
    rest = await bc.api.get(page["@odata.nextLink"], headers={"Prefer": "odata.maxpagesize=2"})
    numbers = [row["number"] for row in page["value"] + rest.json()["value"]]
    assert numbers == (["A4", "A3", "A2"] if order else ["A1", "A2", "A3"])
    assert "@odata.nextLink" not in rest.json()


async def test_expansion_with_nested_options(bc: Case) -> None:
    draft = await bc.invoice("A1")
    query = {"$expand": "salesInvoiceLines($select=sequence;$expand=dimensionSetLines),dimensionSetLines"}
    answer = await bc.get(f"salesInvoices({draft['id']})", **query)
    assert answer["dimensionSetLines"] == []
    assert [line["sequence"] for line in answer["salesInvoiceLines"]] == [10000]
    assert answer["salesInvoiceLines"][0]["dimensionSetLines"] == []
    assert (await bc.fails("GET", "customers", **{"$expand": "items"}))[0] == "BadRequest"


async def test_lines_need_a_parent_or_a_filter(bc: Case) -> None:
    draft = await bc.invoice("A2")
    assert (await bc.fails("GET", "salesInvoiceLines"))[0] == "Application_DialogException"
    rows = await bc.rows("salesInvoiceLines", f"documentId eq {draft['id']}")
    assert rows == await bc.rows(f"salesInvoices({draft['id']})/salesInvoiceLines")
    assert (await bc.get(f"salesInvoiceLines({rows[0]['id']})"))["documentId"] == draft["id"]


async def test_unknown_addresses(bc: Case) -> None:
    assert (await bc.fails("GET", "nothing"))[0] == "BadRequest_NotFound"
    assert (await bc.fails("GET", "customers(00000000-0000-0000-0000-000000000001)"))[
        0
    ] == "Internal_RecordNotFound"
    assert (await bc.fails("GET", "customers(A1)"))[0] == "Application_InvalidGUID"
    assert (await bc.fails("DELETE", "generalLedgerSetup(x)"))[0] == "BadRequest_MethodNotAllowed"
    assert (await bc.fails("POST", "dimensionValues", {"code": "X"}))[0] == "BadRequest_MethodNotAllowed"
    assert (await bc.send("GET", "/nowhere")).status_code == 404


async def test_what_can_be_subscribed(bc: Case) -> None:
    path = f"/api/microsoft/runtime/beta/companies({bc.company})/webhookSupportedResources"
    resources = [row["resource"] for row in await bc.rows(path)]
    assert f"/api/v2.0/companies({bc.company})/salesInvoices" in resources
    assert not any(item.endswith(("salesInvoiceLines", "taxGroups")) for item in resources)


async def test_calls_are_counted_by_template(bc: Case) -> None:
    routes = {
        "GET /api/v2.0/companies({company})/customers": "customers",
        "GET /api/v2.0/customers": "/api/v2.0/customers",
        "GET /api/v2.0/companies({company})/salesInvoices({id})/salesInvoiceLines": (
            f"salesInvoices({bc.company})/salesInvoiceLines"
        ),
    }
    before = (await bc.report())["calls"]
    for path in routes.values():
        await bc.send("GET", path)
    after = (await bc.report())["calls"]
    assert [after[name] - before.get(name, 0) for name in routes] == [1, 1, 1]
