"""What it means that storage failed: one place that turns the library's errors into the tree.

What a person or another pass has done meanwhile (a row that exists, is gone or has changed) is handled where it
happens. What storage will not take at all stays the library's error: the host gives it up and shows it.
"""

import functools
import inspect
from collections.abc import AsyncIterator, Callable
from typing import Any, Final

from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError

from shared.domain.errors import RetryLater

REFUSED: Final = frozenset({401, 403})
PASSING: Final = frozenset({404, 408, 409, 412, 429, 500, 502, 503, 504})
"""404 and 409 are a table or queue that was deleted or is being deleted: it is made again at the next start."""


def meaning(error: AzureError) -> RetryLater | None:
    """The error of the tree, None for what no later try will change."""
    status = error.status_code if isinstance(error, HttpResponseError) else None
    detail = f"{type(error).__name__} {error}"
    if isinstance(error, ClientAuthenticationError) or status in REFUSED:
        return RetryLater(
            "storage",
            "The storage account refuses the application.",
            todo="Give its identity the roles Storage Table Data Contributor and Storage Queue Data Contributor.",
            detail=detail,
        )
    if status is None or status < 400 or status in PASSING:
        return RetryLater(
            "storage",
            "Storage cannot be reached right now.",
            todo="Nothing: it is tried again. If it lasts, check the storage account.",
            detail=detail,
        )
    return None


def unexpected(error: AzureError) -> RetryLater:
    """The error of the tree for an answer of storage that means nothing to the code, where all work needs one."""
    return RetryLater(
        "storage",
        "Storage gives an answer that the application cannot work with.",
        todo="Check the storage account and the setting AzureWebJobsStorage; the detail shows the answer.",
        detail=f"{type(error).__name__} {error}",
    )


def explained[T](part: type[T]) -> type[T]:
    """Lets every public method of a storage port raise the tree's errors."""
    for name, method in list(vars(part).items()):
        if name.startswith("_"):
            continue
        if inspect.iscoroutinefunction(method):
            setattr(part, name, _call(method))
        elif inspect.isasyncgenfunction(method):
            setattr(part, name, _rows(method))
    return part


def _call(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    async def call(*values: Any, **options: Any) -> Any:
        try:
            return await method(*values, **options)
        except AzureError as error:
            raise meaning(error) or error from error

    return call


def _rows(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    async def rows(*values: Any, **options: Any) -> AsyncIterator[Any]:
        try:
            async for row in method(*values, **options):
                yield row
        except AzureError as error:
            raise meaning(error) or error from error

    return rows
