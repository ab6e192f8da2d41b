"""The tree of errors says what happens next; its shape is what the pipeline relies on."""

from datetime import timedelta

import pytest

from shared.domain import errors
from shared.domain.errors import OutcomeUnknown, RetryLater, SyncError, WaitForDependency
from shared.domain.records import RecordRef

PARENTS = {
    errors.RetryLater: SyncError,
    errors.OutcomeUnknown: RetryLater,
    errors.WaitForDependency: SyncError,
    errors.HoldForPerson: SyncError,
    errors.TooLarge: errors.HoldForPerson,
    errors.StopConnection: SyncError,
    errors.NotFound: SyncError,
    errors.ChangedMeanwhile: SyncError,
    errors.AlreadyExists: SyncError,
}


def test_every_error_has_its_place() -> None:
    found = {
        value
        for value in vars(errors).values()
        if isinstance(value, type) and issubclass(value, SyncError) and value is not SyncError
    }
    assert found == set(PARENTS)


@pytest.mark.parametrize(("kind", "parent"), PARENTS.items(), ids=lambda kind: kind.__name__)
def test_an_error_has_one_parent(kind: type[SyncError], parent: type[SyncError]) -> None:
    assert kind.__bases__ == (parent,)
    assert (kind.__doc__ or "").strip()


def test_a_retry_carries_the_delay_that_was_asked_for() -> None:
    error = OutcomeUnknown("answer_lost", "No answer.", after=timedelta(seconds=30), detail="POST x")
    assert (error.cause, error.operator, error.detail) == ("answer_lost", "No answer.", "POST x")
    assert error.after == timedelta(seconds=30)


def test_a_wait_names_what_it_waits_for() -> None:
    needed = RecordRef("default", "company", "7")
    error = WaitForDependency((needed,), "Waits for customer 7.")
    assert error.needs == (needed,)
    assert error.cause == "dependency"
    assert str(error) == "Waits for customer 7."
