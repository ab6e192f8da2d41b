"""Writing master data: checks of properties, relations, numbers, concurrency, and what counts as a breach."""

from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from sandbox.kit import Json
from tests.sandbox.business_central_support import Case, running


@pytest.fixture
async def bc() -> AsyncIterator[Case]:
    async with running() as case:
        yield case


async def test_create_change_and_delete(bc: Case) -> None:
    created = await bc.call("POST", "customers", {"number": "c1 ", "displayName": "Contoso", "country": "us"})
    assert (created["number"], created["country"], created["blocked"]) == ("C1", "US", "_x0020_")
    assert created["currencyCode"] == "USD"
    path = f"customers({created['id']})"
    changed = await bc.call("PATCH", path, {"email": "a@contoso.com"})
    assert changed["lastModifiedDateTime"] > created["lastModifiedDateTime"]
    assert changed["@odata.etag"] != created["@odata.etag"]
    same = await bc.call("PATCH", path, {"email": "a@contoso.com"})
    assert same == changed
    await bc.call("DELETE", path, status=204)
    assert (await bc.send("GET", path)).status_code == 404
    assert await bc.breaches() == []


@pytest.mark.parametrize(
    ("body", "code", "text"),
    [
        ({"id": "x"}, "BadRequest_InvalidOperation", "Control 'id' is read-only"),
        ({"nope": 1}, "BadRequest_InvalidOperation", "does not exist on type"),
        ({"balanceDue": 1}, "BadRequest_InvalidOperation", "Control 'balanceDue' is read-only"),
        ({"city": "x" * 31}, "Application_StringExceededLength", "less than or equal to 30"),
        ({"blocked": "Often"}, "Unknown", "is not an option"),
        ({"displayName": 3}, "BadRequest", "Edm.String"),
        ({"displayName": None}, "BadRequest", "Edm.String"),
        ({"creditLimit": "1"}, "BadRequest", "Edm.Decimal"),
        ({"taxLiable": "true"}, "BadRequest", "Edm.Boolean"),
        ({"paymentTermsId": "abc"}, "Application_InvalidGUID", "paymentTermsId"),
        ({"displayName": " "}, "Application_DialogException", 'The blank "displayName" is not allowed.'),
        ({"country": "XX"}, "Internal_InvalidTableRelation", "Country/Region"),
        ({"currencyCode": "JPY"}, "Internal_InvalidTableRelation", "Currency"),
        ({"number": "C0"}, "Internal_EntityWithSameKeyExists", "No.='C0'"),
    ],
)
async def test_refused_values(bc: Case, body: Json, code: str, text: str) -> None:
    await bc.call("POST", "customers", {"number": "C0", "displayName": "First"})
    found = await bc.fails("POST", "customers", {"displayName": "Contoso"} | body)
    assert found[0] == code
    assert text in found[1]


async def test_an_id_and_a_code_must_agree(bc: Case) -> None:
    euro = (await bc.rows("currencies", "code eq 'EUR'"))[0]["id"]
    body = {"displayName": "Contoso", "currencyId": euro}
    assert (await bc.call("POST", "customers", body))["currencyCode"] == "EUR"
    code, text = await bc.fails("POST", "customers", body | {"currencyCode": "GBP"})
    assert (code, text) == (
        "Application_DialogException",
        "The currency values do not match to a specific Currency.",
    )
    blank = await bc.call("POST", "customers", {"displayName": "Local", "currencyCode": "USD"})
    assert (blank["currencyCode"], blank["currencyId"]) == ("USD", "00000000-0000-0000-0000-000000000000")
    await bc.admin("settings", {"relation_errors": "dialog"})
    code, text = await bc.fails("POST", "customers", {"displayName": "Contoso", "currencyCode": "JPY"})
    assert (code, text) == ("Application_DialogException", 'The "currencyCode" does not match to a Currency.')


async def test_numbers_by_series_and_by_hand(bc: Case) -> None:
    drawn = [await bc.call("POST", "vendors", {"displayName": "V"}) for _ in range(2)]
    assert [item["number"] for item in drawn] == ["V00010", "V00020"]
    await bc.admin("settings", {"manual_nos": {"vendors": False}})
    code, text = await bc.fails("POST", "vendors", {"number": "ABC", "displayName": "V"})
    assert code == "Application_DialogException"
    assert text.startswith("You may not enter numbers manually.")
    assert (await bc.call("POST", "vendors", {"displayName": "V"}))["number"] == "V00030"
    assert (await bc.call("POST", "customers", {"number": "ABC", "displayName": "C"}))["number"] == "ABC"


async def test_a_number_in_a_patch_renames_and_is_a_breach(bc: Case) -> None:
    created = await bc.call("POST", "customers", {"number": "C1", "displayName": "Contoso"})
    changed = await bc.call("PATCH", f"customers({created['id']})", {"number": "C2"})
    assert changed["number"] == "C2"
    assert await bc.breaches() == ["number in PATCH"]


async def test_concurrency_needs_if_match(bc: Case) -> None:
    created = await bc.call("POST", "customers", {"displayName": "Contoso"})
    path, old = f"customers({created['id']})", created["@odata.etag"]
    missing = await bc.send("PATCH", path, {"city": "X"}, headers={"If-Match": ""})
    assert missing.status_code == 400
    assert await bc.breaches() == ["If-Match"]
    assert (await bc.send("PATCH", path, {"city": "X"}, headers={"If-Match": old})).status_code == 200
    stale = await bc.send("PATCH", path, {"city": "Y"}, headers={"If-Match": old})
    assert (stale.status_code, stale.json()["error"]["code"]) == (412, "Request_EntityChanged")
    await bc.admin("settings", {"stale_status": 409})
    assert (await bc.send("DELETE", path, headers={"If-Match": old})).status_code == 409


async def test_items_inventory_units_and_groups(bc: Case) -> None:
    item = await bc.call(
        "POST", "items", {"number": "I1", "displayName": "Cable", "unitPrice": Decimal("9.95")}
    )
    assert (item["baseUnitOfMeasureCode"], item["generalProductPostingGroupCode"]) == ("PCS", "RETAIL")
    assert item["inventoryPostingGroupCode"] == "RESALE"
    service = await bc.call("POST", "items", {"displayName": "Hour", "type": "Non_x002D_Inventory"})
    assert service["inventoryPostingGroupCode"] == ""
    wrong = {"displayName": "Hour", "type": "Service", "inventoryPostingGroupCode": "RESALE"}
    assert (await bc.fails("POST", "items", wrong))[0] == "Application_FieldValidationException"
    assert (await bc.fails("POST", "items", {"displayName": "X", "inventory": 5}))[1].startswith("Inventory")
    await bc.call("PATCH", f"items({item['id']})", {"inventory": 7})
    assert await bc.breaches() == ["items.inventory", "items.inventory"]
    assert (await bc.fails("POST", "items", {"displayName": "X", "unitPrice": -1}))[
        0
    ] == "Application_EvaluateException"


async def test_code_tables_need_a_code_and_a_formula(bc: Case) -> None:
    assert (await bc.fails("POST", "paymentTerms", {"displayName": "x"}))[
        0
    ] == "Application_FieldValidationException"
    wrong = {"code": "X", "dueDateCalculation": "soon"}
    assert (await bc.fails("POST", "paymentTerms", wrong))[0] == "Application_EvaluateException"
    created = await bc.call("POST", "paymentTerms", {"code": "45d", "dueDateCalculation": "45D"})
    assert created["code"] == "45D"


async def test_default_dimensions(bc: Case) -> None:
    dimension = (await bc.rows("dimensions", "code eq 'DEPARTMENT'"))[0]
    values = await bc.rows(f"dimensions({dimension['id']})/dimensionValues", "code eq 'SERVICE'")
    row = {"dimensionId": dimension["id"], "dimensionValueId": values[0]["id"]}
    body = {"displayName": "Contoso", "defaultDimensions": [row]}
    customer = await bc.call("POST", "customers", body)
    path = f"customers({customer['id']})/defaultDimensions"
    found = (await bc.rows(path))[0]
    assert (found["dimensionCode"], found["dimensionValueCode"]) == ("DEPARTMENT", "SERVICE")
    assert (await bc.fails("POST", path, row))[0] == "Internal_EntityWithSameKeyExists"
    changed = await bc.call("PATCH", f"{path}({found['id']})", {"postingValidation": "Code_x0020_Mandatory"})
    assert (changed["postingValidation"], changed["dimensionValueCode"]) == (
        "Code_x0020_Mandatory",
        "SERVICE",
    )
    deep = await bc.fails("PATCH", f"customers({customer['id']})", {"defaultDimensions": []})
    assert deep[1].startswith("Deep update")
    await bc.call("DELETE", f"{path}({found['id']})", status=204)
    assert await bc.rows(path) == []


async def test_a_read_only_intent_cannot_write(bc: Case) -> None:
    answer = await bc.send(
        "POST", "customers", {"displayName": "X"}, headers={"Data-Access-Intent": "ReadOnly"}
    )
    assert answer.status_code == 400
    assert await bc.breaches() == ["Data-Access-Intent"]


async def test_a_person_edits_records(bc: Case) -> None:
    await bc.call("POST", "customers", {"number": "C1", "displayName": "Contoso"})
    edit = {"set": "customers", "key": "C1", "values": {"city": "Tampa"}}
    assert await bc.admin("edit", edit) == {"changed": True}
    assert await bc.admin("edit", edit) == {"changed": False}
    await bc.admin("block", {"customerNumber": "C1", "blocked": "All"})
    added = await bc.admin("companies", {"name": "Third", "localCurrency": "EUR"})
    record = {"number": "C9", "displayName": "Here"}
    await bc.admin("records", {"company": "Third", "set": "customers", "records": [record]})
    rows = await bc.rows(f"/api/v2.0/companies({added['id']})/customers")
    assert [(row["number"], row["currencyCode"]) for row in rows] == [("C9", "EUR")]
    assert "error" in await bc.admin("edit", {"set": "customers", "key": "nobody", "values": {}}, 400)
    state = (await bc.api.get(f"{bc.url}/admin/state")).json()
    assert state["companies"][0]["records"]["customers"][0]["blocked"] == "All"


async def test_reset_starts_over(bc: Case) -> None:
    await bc.call("POST", "customers", {"displayName": "Contoso"})
    await bc.admin("settings", {"page_cap": 1})
    await bc.admin("reset")
    assert await bc.rows("customers") == []
    assert len(await bc.rows("currencies")) == 2
    assert (await bc.report())["total"] == 2
