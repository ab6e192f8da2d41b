"""Invoices, the export, batches and payments of the ConnectWise stand-in."""

from collections.abc import AsyncIterator
from decimal import Decimal

import httpx
import pytest

from sandbox.kit import Json
from tests.sandbox.connectwise_support import ITEM, Tenant, product, record_ids, running

ACCOUNTING = "/finance/accounting"
UNPOSTED = f"{ACCOUNTING}/unpostedinvoices"


@pytest.fixture
async def cw() -> AsyncIterator[Tenant]:
    async with running() as tenant:
        await tenant.company()
        await tenant.admin("items", ITEM | {"price": Decimal("5.2456")})
        yield tenant


async def export(cw: Tenant, *invoice_ids: int, status: int = 200, **values: Json) -> Json:
    body = {"batchIdentifier": "x", "glInterfaceIdentifier": "BC", "exportInvoicesFlag": True}
    return await cw.call(
        "POST", f"{ACCOUNTING}/export", body | {"includedInvoiceIds": list(invoice_ids)} | values, status
    )


async def post_batch(cw: Tenant, ids: list[int], name: str = "B1", status: int = 201, **values: Json) -> Json:
    body = {"batchIdentifier": name, "glInterfaceIdentifier": "BC", "exportInvoicesFlag": True}
    return await cw.call("POST", f"{ACCOUNTING}/batches", body | {"processedRecordIds": ids} | values, status)


def details(transaction: Json) -> Json:
    return [(row["glTypeId"], row["total"], row.get("quantity", 0)) for row in transaction["detail"]]


MIXED = [
    product(100, "5.2456", item={"identifier": "CABLE"}, taxable=True),
    {"kind": "service", "amount": 50},
    {"kind": "discount", "amount": 10},
    {"kind": "tax", "amount": Decimal("42.17"), "xref": "STATE"},
    {"kind": "downPayment", "amount": 100},
]


async def test_export_of_an_invoice(cw: Tenant) -> None:
    invoice = await cw.invoice(MIXED, reference="Order 7")
    assert (invoice["subtotal"], invoice["salesTax"]) == (Decimal("564.56"), Decimal("42.17"))
    assert (invoice["downpaymentApplied"], invoice["total"]) == (100, Decimal("506.73"))
    document = await export(cw, invoice["id"])
    (transaction,) = document["transactions"]
    assert transaction["documentType"] == "INVOICE"
    assert (transaction["id"], transaction["documentNumber"]) == (invoice["id"], invoice["invoiceNumber"])
    assert (transaction["companyAccountNumber"], transaction["total"]) == ("C0001", invoice["total"])
    assert details(transaction) == [
        ("RP", Decimal("-524.56"), -100),
        ("R", -50, 0),
        ("SD", 10, 0),
        ("ST", Decimal("-42.17"), 0),
        ("RD", 100, 0),
    ]
    line = transaction["detail"][0]
    assert (line["itemPrice"], line["item"]["identifier"]) == (Decimal("5.25"), "CABLE")
    assert -sum(row["total"] for row in transaction["detail"]) == transaction["total"]
    assert transaction["taxLevels"] == [
        {
            "taxAmount": Decimal("42.17"),
            "taxableAmount": Decimal("524.56"),
            "taxCodeXref": "STATE",
            "taxLevel": 1,
        }
    ]
    assert len(transaction["glEntryIds"].split(",")) == 2
    assert document["customers"][0]["accountNumber"] == "C0001"
    entries = await cw.get(f"/finance/invoices/{invoice['id']}/glEntries/")
    assert sum(entry["amount"] for entry in entries) == 0
    assert [entry["id"] for entry in entries] == record_ids(transaction)
    info = await cw.get(f"/finance/info/invoice/{invoice['id']}")
    assert info["products"][0]["price"] == Decimal("5.2456")


async def test_export_of_a_credit_memo_and_a_down_payment(cw: Tenant) -> None:
    lines = [product(2, "30", item={"id": 3001}), {"kind": "tax", "amount": 6}]
    memo = await cw.invoice(lines, type="CreditMemo")
    assert memo["total"] == -66
    (transaction,) = (await export(cw, memo["id"]))["transactions"]
    assert (transaction["documentType"], details(transaction)) == (
        "CREDIT MEMO",
        [("RP", 60, 2), ("ST", 6, 0)],
    )
    await cw.admin("settings", {"credit_memo_negative_price": True})
    (transaction,) = (await export(cw, memo["id"]))["transactions"]
    assert (transaction["detail"][0]["quantity"], transaction["detail"][0]["itemPrice"]) == (-2, -30)
    down = await cw.invoice([{"kind": "downPayment", "amount": 100}], type="DownPayment")
    (transaction,) = (await export(cw, down["id"]))["transactions"]
    assert (down["total"], details(transaction)) == (100, [("RD", -100, 0)])


async def test_unposted_list_shows_only_what_is_ready(cw: Tenant) -> None:
    ready = await cw.invoice([{"kind": "service", "amount": 10}])
    await cw.invoice([{"kind": "service", "amount": 10}], close=False)
    unmapped = await cw.invoice([], close=False)
    await cw.admin(f"invoices/{unmapped['id']}/close", {"glMapping": False})
    silent = await cw.company(identifier="NoNumber", accountNumber=None)
    hidden = await cw.invoice([{"kind": "service", "amount": 10}], company={"id": silent["id"]})
    (row,) = await cw.get(UNPOSTED, conditions="invoiceType='Standard'")
    assert (row["billingLogId"], row["total"], row["accountNumber"]) == (ready["id"], 10, "C0001")
    assert row["id"] != ready["id"]
    assert (await cw.get(f"{UNPOSTED}/{row['id']}"))["billingLogId"] == ready["id"]
    assert (await export(cw, hidden["id"]))["transactions"] == []
    assert len((await export(cw))["transactions"]) == 1
    await cw.patch(f"/company/companies/{silent['id']}", accountNumber="C0002")
    assert await cw.get(f"{UNPOSTED}/count") == {"count": 2}
    await cw.admin(f"invoices/{unmapped['id']}/reopen", {"status": 5})
    await cw.admin(f"invoices/{unmapped['id']}/close")
    assert await cw.get(f"{UNPOSTED}/count") == {"count": 3}
    assert await cw.get(f"{ACCOUNTING}/unpostedexpenses", conditions="classification='Reimbursable'") == []
    assert await cw.get(f"{ACCOUNTING}/unpostedprocurement") == []


async def test_export_filters(cw: Tenant) -> None:
    invoice = await cw.invoice([{"kind": "service", "amount": 10}], date="2026-03-05T00:00:00Z")
    assert (await export(cw, thruDate="2026-03-04T00:00:00Z"))["transactions"] == []
    assert (await export(cw, locationId=2))["transactions"] == []
    assert (await export(cw, excludedInvoiceIds=[invoice["id"]]))["transactions"] == []
    assert len((await export(cw, locationId=0, thruDate="2026-03-05T00:00:00Z"))["transactions"]) == 1
    await export(cw, status=400, exportInvoicesFlag=False)
    await export(cw, status=400, summarizeInvoices="Tiny")


async def test_account_number_can_be_required_to_close(cw: Tenant) -> None:
    await cw.admin("settings", {"require_account_number_to_close": True})
    bare = await cw.company(identifier="NoNumber", accountNumber=None)
    invoice = await cw.invoice([], close=False, company={"id": bare["id"]})
    await cw.admin(f"invoices/{invoice['id']}/close", status=400)
    assert (await cw.get(f"/finance/invoices/{invoice['id']}"))["status"]["isClosed"] is False


async def test_batch_marks_and_deletion_returns(cw: Tenant) -> None:
    invoice = await cw.invoice(MIXED)
    path = f"/finance/invoices/{invoice['id']}"
    (transaction,) = (await export(cw, invoice["id"]))["transactions"]
    made = await post_batch(cw, record_ids(transaction))
    assert made["transactions"][0]["id"] == invoice["id"]
    (batch,) = await cw.get(f"{ACCOUNTING}/batches", conditions="batchIdentifier='B1'")
    assert (batch["exportInvoicesFlag"], batch["exportProductsFlag"], batch["closedFlag"]) == (
        True,
        False,
        True,
    )
    assert (await cw.get(path))["glBatch"] == {"id": batch["id"], "name": "B1"}
    assert (await export(cw, invoice["id"]))["transactions"] == []
    assert await cw.get(UNPOSTED) == []
    entries = await cw.get(f"{ACCOUNTING}/batches/{batch['id']}/entries")
    assert sum(row.get("debit", 0) - row.get("credit", 0) for row in entries) == 0
    again = await cw.call("POST", f"{ACCOUNTING}/batches/{batch['id']}/export", {})
    assert again["transactions"][0]["total"] == invoice["total"]
    await cw.admin(f"invoices/{invoice['id']}/reopen", status=400)
    await cw.call("DELETE", f"{ACCOUNTING}/batches/{batch['id']}", status=204)
    changed = await cw.get(path)
    assert ("glBatch" in changed, changed["unbatchedBatch"]["name"]) == (False, "B1")
    assert len(await cw.get(UNPOSTED)) == 1
    assert cw.breaches == []


async def test_batch_refusals(cw: Tenant) -> None:
    invoice = await cw.invoice([{"kind": "service", "amount": 10}])
    (transaction,) = (await export(cw, invoice["id"]))["transactions"]
    ids = record_ids(transaction)
    await post_batch(cw, [], status=400)
    await post_batch(cw, [*ids, 1], status=400)
    await post_batch(cw, [invoice["id"]], status=400)
    await post_batch(cw, ids, status=400, exportProductsFlag=True)
    await post_batch(cw, ids, status=400, exportInvoicesFlag=False)
    await post_batch(cw, ids, "x" * 51, 400)
    await post_batch(cw, ids)
    answer = await post_batch(cw, ids, status=400)
    assert answer["errors"][0]["code"] == "ObjectExists"
    await post_batch(cw, ids, "B2", 400)
    other = await cw.invoice([{"kind": "service", "amount": 10}])
    (transaction,) = (await export(cw, other["id"]))["transactions"]
    await cw.admin("settings", {"ignore_unknown_batch_records": True})
    await post_batch(cw, [*record_ids(transaction), *ids], "B2")


async def test_partial_batch_leaves_the_rest_unposted(cw: Tenant) -> None:
    invoice = await cw.invoice(MIXED)
    (transaction,) = (await export(cw, invoice["id"]))["transactions"]
    await post_batch(cw, record_ids(transaction)[:-1])
    assert cw.breaches == ["batch whole documents"]
    (transaction,) = (await export(cw, invoice["id"]))["transactions"]
    assert [row["glTypeId"] for row in transaction["detail"]] == ["RD"]
    assert "glBatch" not in await cw.get(f"/finance/invoices/{invoice['id']}")


async def test_person_unbatches_reopens_edits_and_closes_again(cw: Tenant) -> None:
    invoice = await cw.invoice([{"kind": "service", "amount": 10}])
    (transaction,) = (await export(cw, invoice["id"]))["transactions"]
    await post_batch(cw, record_ids(transaction))
    await cw.admin(f"invoices/{invoice['id']}/unbatch")
    await cw.admin(f"invoices/{invoice['id']}", {"lines": []}, 400)
    await cw.admin(f"invoices/{invoice['id']}/reopen")
    await cw.admin(f"invoices/{invoice['id']}", {"lines": [{"kind": "service", "amount": 12}]})
    changed = await cw.admin(f"invoices/{invoice['id']}/close")
    assert (changed["total"], changed["unbatchedBatch"]["name"]) == (12, "B1")
    (after,) = (await export(cw, invoice["id"]))["transactions"]
    assert set(record_ids(after)).isdisjoint(record_ids(transaction))


async def test_closed_invoices_change_only_status_and_notes(cw: Tenant) -> None:
    invoice = await cw.invoice([{"kind": "service", "amount": 10}], close=False)
    normal, closed = f"/finance/invoices/{invoice['id']}", f"/finance/closedInvoices/{invoice['id']}"
    await cw.patch(closed, 400, internalNotes="x")
    await cw.patch(normal, reference="R1")
    await cw.patch(normal, 400, total=5)
    await cw.patch(normal, status={"id": 3})
    assert len(await cw.get(UNPOSTED)) == 1
    await cw.patch(normal, 400, reference="R2")
    await cw.patch(closed, 400, reference="R2")
    await cw.patch(closed, internalNotes="posted as 103001", status={"name": "Paid"})
    changed = await cw.get(normal)
    assert (changed["internalNotes"], changed["status"]["name"]) == ("posted as 103001", "Paid")
    await cw.call("DELETE", normal, status=400)
    await cw.call("PUT", closed, {"status": {"id": 1}})
    assert await cw.get(UNPOSTED) == []
    await cw.call("DELETE", normal, status=204)


async def test_invoices_through_the_api(cw: Tenant) -> None:
    made = await cw.call("POST", "/finance/invoices", {"type": "Standard", "company": {"id": 1001}}, 201)
    assert (made["invoiceNumber"], made["balance"], made["billToCompany"]["name"]) == ("10001", 0, "Acme Ltd")
    assert made["billingTerms"]["name"] == "Net 30"
    assert made["dueDate"] > made["date"]
    await cw.admin("invoices", {"company": {"id": 1001}, "lines": [{"kind": "gift"}]}, 400)
    await cw.admin("invoices", {"company": {"id": 1001}, "lines": [product(1, "1", item={"id": 5})]}, 400)
    await cw.admin("invoices", {"company": {"id": 1001}, "lines": [{"amount": Decimal("0.001")}]}, 400)


async def test_payments_change_the_balance(cw: Tenant) -> None:
    invoice = await cw.invoice([{"kind": "service", "amount": 100}])
    path = f"/finance/invoices/{invoice['id']}"
    body = {"amount": Decimal("40.5"), "paymentDate": "2026-11-20T00:00:00Z", "glBatchID": "CLE-77"}
    made = await cw.call("POST", f"{path}/payments", body, 201)
    assert (made["type"], made["appliedBy"], made["glBatchID"]) == ("P", "dynaconnect", "CLE-77")
    assert (made["invoiceTotal"], made["invoiceBalance"]) == (100, Decimal("59.5"))
    for amount in (60, Decimal("0.001"), 0, -5, "5"):
        await cw.call("POST", f"{path}/payments", {"amount": amount}, 400)
    await cw.call("POST", f"{path}/payments", {}, 400)
    one = f"{path}/payments/{made['id']}"
    await cw.patch(one, 400, amount=101)
    await cw.patch(one, amount=100)
    changed = await cw.get(path)
    assert (changed["payments"], changed["credits"], changed["balance"]) == (100, 0, 0)
    await cw.call("PUT", one, {"amount": 30})
    assert (await cw.get(one))["amount"] == 30
    assert await cw.get(f"{path}/payments", conditions="amount=30", fields="id") == [{"id": made["id"]}]
    await cw.call("DELETE", one, status=204)
    await cw.call("GET", one, status=404)
    assert (await cw.get(path))["balance"] == 100


async def test_batch_id_of_a_payment_may_be_dropped(cw: Tenant) -> None:
    invoice = await cw.invoice([{"kind": "service", "amount": 100}])
    await cw.admin("settings", {"keep_gl_batch_id": False})
    body = {"amount": 5, "glBatchID": "CLE-77"}
    assert "glBatchID" not in await cw.call("POST", f"/finance/invoices/{invoice['id']}/payments", body, 201)


async def test_credit_memo_is_applied_as_a_payment_record(cw: Tenant) -> None:
    invoice = await cw.invoice([{"kind": "service", "amount": 100}])
    memo = await cw.invoice([{"kind": "service", "amount": 30}], close=False, type="CreditMemo")
    path, body = f"/finance/invoices/{invoice['id']}", {"amount": 20, "credit": {"id": memo["id"]}}
    await cw.call("POST", f"{path}/payments", body, 400)
    await cw.admin(f"invoices/{memo['id']}/close")
    made = await cw.call("POST", f"{path}/payments", body, 201)
    assert made["credit"]["billingType"] == "CreditMemo"
    await cw.call("POST", f"{path}/payments", body, 400)
    changed = await cw.get(path)
    assert (changed["payments"], changed["credits"], changed["balance"]) == (0, 20, 80)
    assert (await cw.get(f"/finance/invoices/{memo['id']}"))["balance"] == -10
    await cw.call("DELETE", f"{path}/payments/{made['id']}", status=204)
    assert (await cw.get(f"/finance/invoices/{memo['id']}"))["balance"] == -30


async def test_a_lost_answer_leaves_the_payment_behind(cw: Tenant) -> None:
    invoice = await cw.invoice([{"kind": "service", "amount": 100}])
    path = f"/finance/invoices/{invoice['id']}/payments"
    await cw.admin("faults", {"faults": [{"kind": "lost", "route": "POST", "times": 1}]})
    with pytest.raises(httpx.TransportError):
        await cw.send("POST", path, {"amount": 5})
    assert [row["amount"] for row in await cw.get(path)] == [5]
