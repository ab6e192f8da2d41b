"""Drifts that need a story of their own."""

from dataclasses import replace
from typing import Any

from sandbox.kit import Fault
from shared.app import DEFAULT
from shared.domain.records import RecordRef, State
from shared.ports.storage import Verdict
from shared.reconcile.model import Period
from shared.reconcile.runs import Request
from tests.reconcile.books import Books
from tests.reconcile.seeds import Seeds


def only(result: dict[str, Any]) -> dict[str, Any]:
    """The one drift of a run."""
    [row] = result["drifts"]
    return dict(row)


async def test_draft_posted_by_an_accountant(books: Books) -> None:
    await books.world.keep_drafts()
    await books.make_companies(1)
    [record] = await books.make_invoices(1)
    assert (await books.reconcile())["drifts"] == []
    await books.world.bc("post", {"invoice": books.document_of(record)["id"]})
    drift = only(await books.reconcile("apply"))
    assert drift["class"] == "changed_in_business_central"
    assert drift["repair"]["how"] == "automatic"
    books.check_posted(record)
    assert (await books.reconcile())["drifts"] == []


async def test_deleted_draft_is_made_anew(books: Books) -> None:
    await books.world.keep_drafts()
    await books.make_companies(1)
    [record] = await books.make_invoices(1)
    await books.world.bc_call("DELETE", f"salesInvoices({books.document_of(record)['id']})")
    assert only(await books.reconcile("apply"))["class"] == "stale_link"
    books.check_draft(record)
    assert (await books.reconcile())["drifts"] == []


async def test_two_records_linked_to_one_customer(books: Books) -> None:
    first, second = await books.make_companies(2)
    store, world = books.world.app.store, books.world
    ours = (await store.get(RecordRef(DEFAULT, "company", first))).links["customer"]  # type: ignore[union-attr]
    lease = await store.begin(
        RecordRef(DEFAULT, "company", second), world.clock.now(), same_clock=True, impatient=True
    )
    assert not isinstance(lease, Verdict)
    lease.record.links["customer"] = replace(ours)
    await store.finish(lease, [], keep_if_hinted=False)
    await world.bc("delete", {"set": "customers", "key": books.customer_of(second)["number"]})
    drift = only(await books.reconcile("plan"))
    assert drift["class"] == "merged"
    assert first in drift["what"]
    assert second in drift["what"]
    assert drift["repair"]["how"] == "by hand"


async def test_cancelled_invoice_is_known_once_it_was_carried_over(books: Books) -> None:
    await books.make_companies(1)
    [record] = await books.make_invoices(1)
    document = books.document_of(record)
    place = {"set": "salesInvoices", "key": document["id"]}
    await books.world.bc("edit", place | {"values": {"status": "Canceled"}})
    drift = only(await books.reconcile("plan"))
    assert drift["class"] == "changed_in_business_central"
    assert drift["repair"]["how"] == "by hand"
    await books.world.sync("settlement", record)
    assert (await books.reconcile())["drifts"] == []


async def test_recreated_customer_keeps_its_number(books: Books) -> None:
    [company] = await books.make_companies(1)
    before = books.customer_of(company)
    await books.world.bc("delete", {"set": "customers", "key": before["number"]})
    await books.reconcile("apply")
    after = books.customer_of(company)
    assert (after["number"], after["displayName"]) == (before["number"], before["displayName"])
    assert after["id"] != before["id"]
    link = await books.world.link("company", company, "customer")
    assert (link.target_id, link.state) == (after["id"], State.DONE)


async def test_confirmation_of_a_paid_invoice_says_that_it_is_paid(books: Books) -> None:
    await books.make_companies(1)
    [record] = await books.make_invoices(1, currency=books.currency("USD"))
    await books.make_payments([record])
    before = books.source(record)["internalNotes"]
    await Seeds(books).unconfirmed([record])
    assert only(await books.reconcile("apply"))["class"] == "unconfirmed"
    assert books.source(record)["internalNotes"] == f"Call the customer {before}"
    traffic = books.world.traffic()
    assert (await books.reconcile())["drifts"] == []
    assert traffic.writes == 0


async def test_run_that_cannot_finish_says_why_and_ends_later(books: Books) -> None:
    world, app = books.world, books.world.app
    today = world.clock.now().date()
    world.fault("business_central", Fault("status", "salesInvoices", status=503, times=1))
    run = await app.reconciler.order(DEFAULT, Request(Period(today, today)), "test")
    heads = app.reconciler.results
    assert ((await heads.head(DEFAULT, run)) or {})["state"] == "queued"
    await world.run()
    stopped = await heads.head(DEFAULT, run) or {}
    assert stopped["state"] == "waiting"
    assert stopped["reason"]
    await world.drain()
    assert ((await heads.head(DEFAULT, run)) or {})["state"] == "done"


async def test_held_records_are_known_and_stay_in_the_proof(books: Books) -> None:
    world = books.world
    [company] = await books.make_companies(1)
    [record] = await books.make_invoices(1)
    await world.cw("billingTerms", {"name": "Half now", "dueDays": 30})
    await world.cw(f"companies/{company}", {"billingTerms": {"name": "Half now"}})
    await world.sync("company", company)
    await Seeds(books).unbatched([record])
    assert only(await books.reconcile("apply"))["class"] == "unbatched"
    result = await books.reconcile()
    assert result["drifts"] == []
    assert {row["entity"] for row in result["known"]} == {"customer", "sales_invoice"}
    assert [row["id"] for row in result["proofs"]] == [record]
    assert result["receivables"][0]["other_entries"] == []
