"""What ConnectWise shows of a posted document: one bracketed line in the closed invoice's internal notes.

Only status and internal notes can be changed once an invoice is closed (ConnectWise API, finance/closedInvoices).
ConnectWise stores line ends as blanks, so the line carries its own brackets and is replaced as a whole.
"""

import re
from decimal import Decimal
from typing import Final

from shared.engine.entity import Job
from shared.engine.kinds.receivable import Receivable

_LINE: Final = re.compile(r"\s*\[Business Central [^\]]*\]")
CANCELLED: Final = frozenset({"Canceled", "Corrective"})


def with_line(notes: str, line: str) -> str:
    """The notes with our line replaced, everything else kept."""
    return f"{_LINE.sub('', notes)} [{line}]".strip()


def posted_line(number: str, posting_date: str, due_date: str) -> str:
    """The line of a document that was just posted."""
    return f"Business Central {number}, posted {posting_date}, due {due_date}"


def standing_line(receivable: Receivable) -> str:
    """The line of a document whose settlement is known."""
    parts = [posted_line(receivable.number, receivable.posting_date, receivable.due_date)]
    if receivable.status in CANCELLED:
        parts.append("cancelled")
    elif receivable.remaining == 0:
        last = max((one.date for one in receivable.settled), default="")
        parts.append(f"paid {last}".strip())
    else:
        parts.append(f"open {receivable.remaining}")
    for name in ("discount", "tolerance"):
        part = sum((getattr(one, name) for one in receivable.settled), Decimal(0))
        if part:
            parts.append(f"of which {name} {part}")
    parts += [
        f"{one.kind.lower()} {one.reference} {one.amount}"
        for one in receivable.settled
        if one.kind != "Payment"
    ]
    return ", ".join(parts)


async def confirm_standing(job: Job, receivable: Receivable, known: str) -> str:
    """Writes the standing if it is another than the one written last; returns it."""
    line = standing_line(receivable)
    if line == known:
        return known
    connectwise = job.connection.connectwise
    invoice = await connectwise.read(f"finance/invoices/{job.ref.id}")
    notes = str(invoice.get("internalNotes") or "")
    if with_line(notes, line) != notes:
        await connectwise.change(
            f"finance/closedInvoices/{job.ref.id}", {"internalNotes": with_line(notes, line)}
        )
    return line
