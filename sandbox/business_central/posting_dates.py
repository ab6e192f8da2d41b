"""On which dates may be posted."""

from datetime import date

from sandbox.business_central.environment import setup
from sandbox.business_central.fields import BLANK_DATE
from sandbox.business_central.store import Company


def date_error(company: Company, posting_date: str) -> str:
    """Why nothing may be posted on this date; blank when it may."""
    limits = setup(company).values
    first, last = limits["allowPostingFrom"], limits["allowPostingTo"]
    if posting_date < first or (last != BLANK_DATE and posting_date > last):
        return "Posting Date is not within your range of allowed posting dates."
    periods = sorted(company.all("accountingPeriods"), key=lambda row: row.values["startingDate"])
    covering = [row for row in periods if row.values["startingDate"] <= posting_date]
    if covering and covering[-1].values["closed"]:
        day = date.fromisoformat(posting_date).strftime("%m/%d/%y")
        return f"The accounting period of posting date {day} is closed."
    return ""
