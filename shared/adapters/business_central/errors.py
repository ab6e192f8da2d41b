"""What a Business Central refusal means (Microsoft, "API error codes")."""

from typing import Final

from shared.adapters.resolutions import AGAIN, CATCH_ALL, NO_API_404, TRANSIENT, Resolution
from shared.domain.errors import (
    AlreadyExists,
    ChangedMeanwhile,
    HoldForPerson,
    NotFound,
    RetryLater,
    StopConnection,
)

CREDENTIALS: Final = "Check the app registration and its entry on the Microsoft Entra Applications page."
MEND: Final = "Mend it in Business Central or in the mapping; then retry."

TABLE: Final = (
    Resolution(401, StopConnection, "credentials", "Business Central refuses the credentials.", CREDENTIALS),
    Resolution(
        403,
        StopConnection,
        "permission",
        "The application lacks a permission in Business Central: {message}",
        "Give it the permission sets that the documentation lists.",
    ),
    Resolution(
        0,
        StopConnection,
        "company",
        "Business Central does not know the company: {message}",
        "Check the company's id or name in the settings.",
        code="Internal_CompanyNotFound",
    ),
    Resolution(
        405,
        StopConnection,
        "api_off",
        "Business Central does not allow the call: its API may be switched off.",
        "Switch on API services and Integrate APIs.",
    ),
    NO_API_404,
    Resolution(
        404,
        NotFound,
        "record_missing",
        "Business Central has no such record.",
        code="Internal_RecordNotFound",
    ),
    Resolution(404, NotFound, "not_found", "Business Central has no such record."),
    Resolution(
        0,
        AlreadyExists,
        "exists",
        "Business Central has it already.",
        code="Internal_EntityWithSameKeyExists",
    ),
    Resolution(409, ChangedMeanwhile, "changed", "The record changed meanwhile.", AGAIN),
    Resolution(412, ChangedMeanwhile, "changed", "The record changed meanwhile.", AGAIN),
    Resolution(428, ChangedMeanwhile, "changed", "The record changed meanwhile.", AGAIN),
    *TRANSIENT,
    Resolution(0, RetryLater, "unavailable", "{message}", AGAIN, code="Internal_TenantUnavailable"),
    Resolution(
        400,
        HoldForPerson,
        "posting_window",
        "{message}",
        "Allow the date in General Ledger Setup, or change the document's date; then retry.",
        text="allowed posting dates",
    ),
    Resolution(
        400,
        HoldForPerson,
        "blocked",
        "{message}",
        "Unblock it in Business Central; then retry.",
        text="blocked",
    ),
    Resolution(
        400,
        HoldForPerson,
        "manual_numbers",
        "{message}",
        "Allow manual numbers on the number series, or leave number out of the mapping; then retry.",
        text="numbers manually",
    ),
    Resolution(
        400,
        HoldForPerson,
        "posting_group",
        "{message}",
        "Complete the template in API Setup and the posting groups of the record; then retry.",
        text="posting group",
    ),
    Resolution(
        400,
        HoldForPerson,
        "missing_reference",
        "{message}",
        "Create what is missing in Business Central, or map the value to one that exists; then retry.",
        code="Internal_InvalidTableRelation",
    ),
    Resolution(
        400,
        HoldForPerson,
        "too_long",
        "{message}",
        "Shorten the text in ConnectWise, or set an overflow policy in the mapping; then retry.",
        code="Application_StringExceededLength",
    ),
    Resolution(
        0,
        HoldForPerson,
        "customisation",
        "Business Central asks a question that no web service can answer: {message}",
        "Have the customisation that asks it changed; then retry.",
        code="Application_CallbackNotAllowed",
    ),
    Resolution(400, HoldForPerson, "business_rule", "{message}", MEND, code="Application_"),
    Resolution(400, HoldForPerson, "refused", "Business Central refuses the record: {message}", MEND),
    *CATCH_ALL,
)
