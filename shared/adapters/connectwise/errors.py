"""What a ConnectWise refusal means (developer guide, Errors and PSA specific)."""

from typing import Final

from shared.adapters.resolutions import CATCH_ALL, NO_API_404, TRANSIENT, Resolution
from shared.domain.errors import AlreadyExists, ChangedMeanwhile, HoldForPerson, NotFound, StopConnection

CREDENTIALS: Final = "Check company, public key, private key and client id of the ConnectWise API member."

TABLE: Final = (
    Resolution(
        400,
        StopConnection,
        "client_id",
        "ConnectWise refuses the client id: {message}",
        CREDENTIALS,
        text="clientid",
    ),
    Resolution(401, StopConnection, "credentials", "ConnectWise refuses the credentials.", CREDENTIALS),
    Resolution(
        403,
        StopConnection,
        "permission",
        "The ConnectWise API member lacks a right: {message}",
        "Give its security role the rights that the documentation lists.",
    ),
    Resolution(
        404,
        StopConnection,
        "endpoint",
        "ConnectWise does not know the address or the login: {message}",
        CREDENTIALS,
        code="ConnectWiseApi",
    ),
    NO_API_404,
    Resolution(404, NotFound, "not_found", "ConnectWise has no such record."),
    Resolution(409, ChangedMeanwhile, "in_use", "The record is in use in ConnectWise: {message}"),
    Resolution(400, AlreadyExists, "exists", "ConnectWise has it already: {message}", code="ObjectExists"),
    *TRANSIENT,
    Resolution(
        400,
        HoldForPerson,
        "refused",
        "ConnectWise refuses the value: {message}",
        "Mend what the message names; then retry.",
    ),
    *CATCH_ALL,
)
