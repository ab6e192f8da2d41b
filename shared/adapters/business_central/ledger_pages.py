"""The customer ledger through two pages that an administrator publishes, where there is no analytics API.

The rows come in the shape of the analytics query, so that nobody else knows the difference. The pages say by which
document an entry was applied, but not by which entry (base application, page 573): that is looked up by customer,
document type and number.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from shared.adapters.business_central import odata

type JsonObject = dict[str, Any]
type Condition = Callable[[str], str]
"""A filter, given the name of the field that it is about."""
type Fetch = Callable[[str, Mapping[str, str]], AsyncIterator[list[JsonObject]]]
"""Reads a published page by its service name with query options; raises NotFound when it is not published."""

CUSTOMER_LEDGER: Final = "CustomerLedgerEntries"
"""The service name under which page 25, Customer Ledger Entries, is to be published."""
DETAILED_LEDGER: Final = "DetailedCustLedgerEntries"
"""The service name under which page 573, Detailed Cust. Ledg. Entries, is to be published."""
NAMES: Final = {
    "cleEntryNo": "Cust_Ledger_Entry_No",
    "dcleEntryNo": "Entry_No",
    "dcleEntryType": "Entry_Type",
    "dcleDocumentType": "Document_Type",
    "dcleDocumentNo": "Document_No",
    "dclePostingDate": "Posting_Date",
    "dcleAmountLCY": "Amount_LCY",
    "dcleCustomerNo": "Customer_No",
}
"""What the analytics query calls a field, and what the page of detailed entries does."""
APPLIED: Final = "dcleAppliedCustLedgerEntryNo"
REVERSAL: Final = "Unapplied_by_Entry_No"
APPLICATION: Final = "Application"
DOCUMENT: Final = ("Customer_No", "Document_Type", "Document_No")
DOCUMENTS_PER_FILTER: Final = 40

type Document = tuple[str, str, str]


@dataclass(slots=True)
class LedgerPages:
    """The published pages of one company."""

    fetch: Fetch

    async def rows(self, field: str, condition: Condition) -> AsyncIterator[list[JsonObject]]:
        """Detailed rows that meet a condition on a field, which has its analytics name."""
        async for page in self.fetch(DETAILED_LEDGER, _detailed({"$filter": condition(NAMES[field])})):
            yield _shaped(page, await self._entries_of(page))

    async def every_row(self) -> AsyncIterator[list[JsonObject]]:
        """All detailed rows. Every ledger entry is read before, instead of the documents of each page."""
        known = await self._entries({})
        async for page in self.fetch(DETAILED_LEDGER, _detailed({})):
            # What was posted since the entries were read.
            late = [row for row in page if _is_application(row) and _document(row) not in known]
            yield _shaped(page, known | await self._entries_of(late))

    async def _entries_of(self, rows: Iterable[JsonObject]) -> dict[Document, list[int]]:
        """The ledger entries of the documents that applied something in these rows."""
        numbers = sorted({str(row["Document_No"]) for row in rows if _is_application(row)})
        found: dict[Document, list[int]] = {}
        for start in range(0, len(numbers), DOCUMENTS_PER_FILTER):
            some = numbers[start : start + DOCUMENTS_PER_FILTER]
            found |= await self._entries({"$filter": odata.any_text("Document_No", some)})
        return found

    async def _entries(self, options: Mapping[str, str]) -> dict[Document, list[int]]:
        found: defaultdict[Document, list[int]] = defaultdict(list)
        fields = {"$select": ",".join(("Entry_No", *DOCUMENT))}
        async for page in self.fetch(CUSTOMER_LEDGER, {**options, **fields}):
            for row in page:
                found[_document(row)].append(int(row["Entry_No"]))
        return {document: sorted(entries) for document, entries in found.items()}


def _detailed(options: Mapping[str, str]) -> dict[str, str]:
    return {**options, "$select": ",".join((*NAMES.values(), REVERSAL))}


def _shaped(rows: list[JsonObject], entries: Mapping[Document, list[int]]) -> list[JsonObject]:
    """The rows as the analytics query would give them.

    What takes an application back may carry a document of its own; it belongs to what it takes back.
    """
    taken_back = {int(row[REVERSAL]): row for row in rows if row.get(REVERSAL)}
    return [
        {name: row.get(column) for name, column in NAMES.items()}
        | {APPLIED: _applied(taken_back.get(int(row["Entry_No"]), row), entries)}
        for row in rows
    ]


def _applied(row: JsonObject, entries: Mapping[Document, list[int]]) -> int:
    """The entry that was applied: the row's own one on the applying side, 0 for what is no application.

    Where several entries of a customer share one document number the first stands for all: their amounts are
    summed.
    """
    if not _is_application(row):
        return 0
    found, own = entries.get(_document(row), []), int(row["Cust_Ledger_Entry_No"])
    return own if own in found else next(iter(found), 0)


def _is_application(row: JsonObject) -> bool:
    return row.get("Entry_Type") == APPLICATION


def _document(row: JsonObject) -> Document:
    customer, kind, number = (str(row.get(name) or "") for name in DOCUMENT)
    return customer, kind.replace("_x0020_", " "), number
