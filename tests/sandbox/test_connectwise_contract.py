"""The field tables of the ConnectWise stand-in against the published definition, and its answers against both."""

import asyncio
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import httpx
import pytest

from sandbox.connectwise.schema import Field, fields, tables
from sandbox.connectwise.service import BASE
from sandbox.kit import Json, loads
from shared.app import trust
from tests.sandbox.connectwise_support import ITEM, Tenant, product, record_ids, running

SPEC = Path(__file__).parents[3] / "shared" / "specs" / "connectwise-psa.openapi.json"


@cache
def definition() -> Json:
    if not SPEC.exists():
        pytest.skip("the published definition is not at hand")
    return loads(SPEC.read_bytes())


def described(field: Field) -> tuple[str, str, int, tuple[str, ...]]:
    return field.kind, field.target, field.max_length, field.options


def published(schema: Json) -> tuple[str, str, int, tuple[str, ...]]:
    if "$ref" in schema:
        return "ref", schema["$ref"].rpartition("/")[2], 0, ()
    kind = schema.get("type", "any")
    if kind == "array":
        items = schema["items"]
        return "list", items.get("$ref", items.get("type", "any")).rpartition("/")[2], 0, ()
    if "enum" in schema:
        return "enum", "", 0, tuple(schema["enum"])
    if "additionalProperties" in schema:
        return "info", "", 0, ()
    kind = {"date-time": "datetime", "uuid": "uuid"}.get(schema.get("format", ""), kind)
    return kind, "", schema.get("maxLength", 0), ()


@pytest.mark.parametrize("entity", sorted(tables()))
def test_field_table_equals_the_definition(entity: str) -> None:
    schema = definition()["components"]["schemas"][entity]
    assert {name: described(field) for name, field in fields(entity).items()} == {
        name: published(part) for name, part in schema["properties"].items()
    }
    required = {field.name for field in fields(entity).values() if field.required}
    if not entity.endswith("Reference"):
        assert set(schema.get("required") or []) <= required


def strangers(entity: str, value: Json) -> Iterator[str]:
    """The members of an answer that the field tables do not describe."""
    if isinstance(value, list):
        for item in value:
            yield from strangers(entity, item)
    elif entity in tables():
        for name, part in value.items():
            field = fields(entity).get(name)
            if field is None or part is None:
                yield f"{entity}.{name}"
            elif field.target and isinstance(part, dict | list) and field.target in tables():
                yield from strangers(field.target, part)


def schema_of(method: str, path: str, status: str) -> str:
    """The name of the schema that the definition gives to an answer."""
    content = definition()["paths"][path][method.lower()]["responses"][status]["content"]
    schema = next(iter(content.values()))["schema"]
    return str(schema.get("items", schema)["$ref"]).rpartition("/")[2]


async def everything(cw: Tenant) -> list[tuple[str, str, Json]]:
    """Answers of all kinds: method and path template, status, body."""
    company = await cw.company(country={"name": "Canada"}, taxCode={"id": 1})
    await cw.call("POST", "/company/contacts", {"firstName": "Kim"}, 201)
    await cw.admin("items", ITEM)
    lines = [product(2, "1.005", item={"id": 3001}), {"kind": "tax", "amount": 1}]
    invoice = await cw.invoice(lines, company={"id": company["id"]})
    export = {"batchIdentifier": "B", "glInterfaceIdentifier": "BC", "exportInvoicesFlag": True}
    document = await cw.call("POST", "/finance/accounting/export", export)
    unposted = await cw.get("/finance/accounting/unpostedinvoices")
    processed = {"processedRecordIds": record_ids(document["transactions"][0])}
    made = await cw.call("POST", "/finance/accounting/batches", export | processed, 201)
    payment = await cw.call("POST", f"/finance/invoices/{invoice['id']}/payments", {"amount": 1}, 201)
    hook = {"url": "http://127.0.0.1:1/?recordId=", "objectId": 1, "type": "contact", "level": "owner"}
    answers = [
        ("POST /finance/accounting/export", "200", document),
        ("GET /finance/accounting/unpostedinvoices", "200", unposted),
        ("POST /finance/accounting/batches", "201", made),
        ("POST /finance/invoices/{parentId}/payments", "201", payment),
        ("POST /system/callbacks", "201", await cw.call("POST", "/system/callbacks", hook, 201)),
    ]
    ids = {"/finance/invoices/{parentId}": invoice["id"], "/finance/accounting/batches/{parentId}": 401}
    for prefix, number in ids.items():
        for tail in ("/glEntries/", "/payments") if "invoices" in prefix else ("/entries",):
            path = prefix.replace("{parentId}", str(number)) + tail
            answers.append((f"GET {prefix}{tail}", "200", await cw.get(path)))
    answers.append(
        ("GET /finance/info/invoice/{id}", "200", await cw.get(f"/finance/info/invoice/{invoice['id']}"))
    )
    lists = """/company/companies /company/companies/statuses /company/companies/types /company/contacts
        /procurement/catalog /finance/invoices /finance/billingTerms /finance/billingStatuses /finance/currencies
        /finance/taxCodes /finance/accounting/batches /finance/accountingPackageSetup /system/callbacks
        /system/mySecurity"""
    for path in (*lists.split(), "/system/info", "/company/companies/count"):
        answers += [(f"GET {path}", "200", await cw.get(path))]
    return answers


async def everything_bought_and_agreed(cw: Tenant) -> list[tuple[str, str, Json]]:
    """Answers about purchase orders, stock, expenses, agreements and projects."""
    company = await cw.company(vendorIdentifier="V1")
    await cw.admin("contacts", {"firstName": "Kim", "company": {"id": company["id"]}})
    item = await cw.admin("items", ITEM | {"cost": 2})
    buys = {"vendorCompany": {"id": company["id"]}, "freightCost": 3, "freightTaxTotal": 1}
    line = {"product": {"id": item["id"]}, "quantity": 2, "tax": 1}
    order = await cw.admin("purchaseOrders", buys | {"lines": [line]})
    (row,) = await cw.get(f"/procurement/purchaseorders/{order['id']}/lineitems")
    await cw.admin(f"purchaseOrderLines/{row['id']}/receive", {"packingSlip": "S1"})
    place = {"warehouse": {"id": 1}, "warehouseBin": {"id": 1}, "catalogItem": {"id": item["id"]}}
    details = [place | {"quantityAdjusted": 1}]
    counted = {"identifier": "A", "type": {"id": 1}, "closedFlag": True, "adjustmentDetails": details}
    adjustment = await cw.call("POST", "/procurement/adjustments", counted, 201)
    moved = {"item": {"id": item["id"]}, "quantity": 1, "fromBin": {"id": 1}, "toBin": {"id": 2}}
    await cw.admin("transfers", moved)
    await cw.patch("/system/members/2", vendorNumber="E1")
    spent = {"type": {"id": 1}, "amount": 9, "taxes": [{"amount": 1}], "company": {"id": company["id"]}}
    report = await cw.admin("expenseReports", {"member": {"id": 2}, "entries": [spent]})
    (entry,) = await cw.get("/expense/entries")
    receipt = {
        "recordType": "Expense",
        "recordId": entry["id"],
        "fileName": "r.txt",
        "content": "cmVjZWlwdA==",
    }
    await cw.admin("documents", receipt)
    submitted = await cw.call("POST", f"/expense/reports/{report['id']}/submit", {})
    await cw.call("POST", f"/expense/reports/{report['id']}/approve", {})
    added = [{"product": {"id": item["id"]}}]
    agreement = await cw.admin(
        "agreements", {"name": "A", "company": {"id": company["id"]}, "additions": added}
    )
    await cw.admin("agreementAdjustments", {"agreementId": agreement["id"], "amount": 1})
    await cw.admin("projects", {"name": "P", "company": {"id": company["id"]}})
    export = {"batchIdentifier": "B", "glInterfaceIdentifier": "BC"}
    flags = {"exportProductsFlag": True, "exportExpensesFlag": True}
    document = await cw.call("POST", "/finance/accounting/export", export | flags)
    await cw.patch("/finance/accountingPackageSetup/1", transferExpensesAsBillFlag=True)
    bills = await cw.call("POST", "/finance/accounting/export", export | flags)
    sections = ("vendors", "expenses", "purchaseTransactions", "adjustmentTransactions", "inventoryTransfers")
    assert all(document[name] for name in sections)
    assert bills["expenseBills"]
    answers = [
        ("POST /finance/accounting/export", "200", document),
        ("POST /finance/accounting/export", "200", bills),
        ("POST /procurement/adjustments", "201", adjustment),
        ("POST /expense/reports/{id}/submit", "200", submitted),
    ]
    parents = {"purchaseorders/lineitems": order, "adjustments/details": adjustment}
    parents |= {"agreements/additions": agreement, "agreements/adjustments": agreement}
    for path, parent in parents.items():
        table, part = path.split("/")
        root = "finance" if table == "agreements" else "procurement"
        found = await cw.get(f"/{root}/{table}/{parent['id']}/{part}")
        answers.append((f"GET /{root}/{table}/{{parentId}}/{part}", "200", found))
    lists = """/procurement/purchaseorders /procurement/purchaseorderstatuses /procurement/settings
        /procurement/adjustments /procurement/adjustments/types /procurement/warehouses
        /procurement/warehouseBins /procurement/unitOfMeasures /expense/entries /expense/reports
        /expense/types /expense/classifications /expense/paymentTypes /finance/agreements
        /finance/agreements/types /project/projects /system/members /system/locations /system/departments
        /finance/accounting/unpostedexpenses /finance/accounting/unpostedprocurement"""
    return answers + [(f"GET {path}", "200", await cw.get(path)) for path in lists.split()]


async def test_answers_hold_only_described_members() -> None:
    async with running() as cw:
        answers = await everything(cw)
    async with running() as cw:
        answers += await everything_bought_and_agreed(cw)
    for call, status, body in answers:
        assert body, call
        method, path = call.split(" ")
        entity = schema_of(method, path, status)
        assert entity in tables(), call
        assert list(strangers(entity, body)) == [], call


async def test_served_routes_are_published() -> None:
    async with running() as cw:
        resources = [resource.canonical for resource in cw.stand_in.app.router.resources()]
    served = {path.removeprefix(BASE) for path in resources if path.startswith(BASE)}
    assert len(served) > 120
    assert {anonymous(path) for path in served} <= {anonymous(path) for path in definition()["paths"]}


def anonymous(path: str) -> str:
    return re.sub(r"\{\w+\}", "{}", path)


async def test_command_line_serves_on_a_free_port() -> None:
    command = [sys.executable, "-m", "sandbox.connectwise", "--port", "0", "--company", "acme"]
    process = await asyncio.create_subprocess_exec(
        *command, cwd=Path(__file__).parents[2], stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        ready = (await process.stdout.readline()).decode()
        async with httpx.AsyncClient(verify=trust()) as anonymous:
            answer = await anonymous.get(f"{ready.split()[-1]}/login/companyinfo/acme")
        assert answer.json()["CompanyID"] == "acme"
    finally:
        process.terminate()
        await process.wait()
