"""The conformance suite: an entity that inherits it and declares itself proves everything every entity promises."""

from tests.conformance.behaviour import Behaviour
from tests.conformance.failures import Failures


class EntityConformance(Behaviour, Failures):
    """All cases. Inherit it in a class named ``Test...`` and fill in the declaration."""

    def test_declared_exceptions_name_cases(self) -> None:
        """What does not apply must be the name of a case, with a reason, so that none is left out by a slip."""
        for case, reason in self.not_applicable.items():
            assert case.startswith("test_")
            assert callable(getattr(type(self), case, None)), case
            assert reason
