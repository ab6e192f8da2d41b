"""What the routes for people share: bodies read strictly, failures turned into answers."""

import logging
import re
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Final

import azure.functions as func
import simplejson
from azure.core.exceptions import AzureError

from shared.domain.errors import BadRequest, SyncError, TooLarge, place_of
from shared.ports.storage import STORAGE

MOST_IDS: Final = 1_000
RECORD_ID: Final = re.compile(r"[1-9][0-9]{0,18}")

log = logging.getLogger("dynaconnect.operations")


async def guarded(answer: Callable[[], Awaitable[func.HttpResponse]]) -> func.HttpResponse:
    """Turns what was asked wrongly into 400, what is too large into 413, what failed elsewhere into 502.

    Storage that is absent is answered 503.
    """
    from shared.mapping import MappingError

    try:
        return await answer()
    except MappingError as wrong:
        problems = [{"place": one.place, "message": one.message} for one in wrong.problems]
        return json_answer({"error": "the document has mistakes", "problems": problems}, 400)
    except BadRequest as bad:
        return json_answer({"error": str(bad)}, 400)
    except TooLarge as large:
        return json_answer({"error": f"{large.operator} ({large.detail})", "cause": large.cause}, 413)
    except SyncError as error:
        status = 503 if error.cause == STORAGE else 502
        return json_answer({"error": error.operator, "todo": error.todo, "cause": error.cause}, status)
    except AzureError as error:
        # The app cannot even start.
        log.error("storage cannot be reached: %s", place_of(error))
        return json_answer({"error": "Storage cannot be reached right now.", "cause": STORAGE}, 503)


def body_of(req: func.HttpRequest, *names: str) -> dict[str, Any]:
    """The JSON object of a request, which may hold nothing but ``names``: a misspelt ``apply`` would write."""
    try:
        body = simplejson.loads(req.get_body() or b"{}")
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"the body is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise BadRequest("the body must be a JSON object")
    unknown = sorted(set(body) - set(names))
    if unknown:
        raise BadRequest(f"unknown: {', '.join(unknown)[:200]}; known are {', '.join(names)}")
    return body


def text_of(body: dict[str, Any], name: str, default: str = "") -> str:
    """A text member; raises BadRequest for anything else."""
    value = body.get(name, default)
    if not isinstance(value, str):
        raise BadRequest(f"{name} must be a text")
    return value


def flag_of(body: dict[str, Any], name: str, *, default: bool) -> bool:
    """A true or false member; raises BadRequest for anything else."""
    value = body.get(name, default)
    if not isinstance(value, bool):
        raise BadRequest(f"{name} must be true or false")
    return value


def ids_of(body: dict[str, Any]) -> list[str]:
    """The member ``ids``: at most 1,000 ConnectWise record ids, each once."""
    ids = body.get("ids", [])
    if not isinstance(ids, list) or len(ids) > MOST_IDS:
        raise BadRequest(f"ids must be a list of at most {MOST_IDS}")
    if not all(isinstance(one, int | str) and RECORD_ID.fullmatch(str(one)) for one in ids):
        raise BadRequest("ids must be ConnectWise record ids")
    return list(dict.fromkeys(str(one) for one in ids))


def json_answer(value: object, status: int = 200) -> func.HttpResponse:
    """An answer with a JSON body; Decimal stays exact, times are ISO 8601."""
    text = simplejson.dumps(value, use_decimal=True, ensure_ascii=False, default=_plain)
    return func.HttpResponse(text, status_code=status, mimetype="application/json")


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
