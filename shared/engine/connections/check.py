"""What a connection's document must also satisfy: the entities there are, and the connections beside it.

Two connections that reach the same ConnectWise site under two names would both post its invoices; two that write
to the same company of Business Central would take each other's documents for their own. Both are refused.
"""

from collections.abc import Iterable, Iterator

from shared.domain.records import DEFAULT
from shared.engine.connections.document import ConnectionDocument, name_problem
from shared.engine.kinds.masters import MasterData
from shared.engine.registry import Registry
from shared.mapping import Problem
from shared.mapping.problems import did_you_mean


def check_connection(name: str, document: ConnectionDocument, registry: Registry) -> list[Problem]:
    """Every mistake that the grammar alone does not see, other connections left aside."""
    return [*_names(name, document), *_rules(document, registry), *_start(document, registry)]


def conflicts(
    document: ConnectionDocument, others: Iterable[tuple[str, ConnectionDocument]]
) -> Iterator[Problem]:
    """Where the connection would work on what another one works on."""
    connectwise, business_central = document.systems
    for name, other in others:
        same = other.systems[0] == connectwise
        if same and other.site != document.site:
            yield Problem(
                "site", f"connection {name} calls this ConnectWise site '{other.site}'; use the same name"
            )
        if not same and other.site == document.site:
            yield Problem(
                "site", f"connection {name} calls another ConnectWise site '{other.site}'; use another name"
            )
        if other.systems[1] == business_central:
            yield Problem("business_central.company", f"connection {name} already writes to this company")


def _names(name: str, document: ConnectionDocument) -> Iterator[Problem]:
    if problem := name_problem(name):
        yield Problem("name", problem)
    for word in ("connectwise", "business_central"):
        given = getattr(document, word) is not None
        if name == DEFAULT and given:
            yield Problem(word, "the connection default has this from the app's settings")
        if name != DEFAULT and not given:
            yield Problem("document", f"'{word}' is missing")
    if name != DEFAULT and document.site is None:
        yield Problem("document", "'site' is missing")


def _rules(document: ConnectionDocument, registry: Registry) -> Iterator[Problem]:
    subjects = {subject.name: subject for subject in registry.subjects() if subject.path}
    for name, rule in document.routing.items():
        if name not in subjects:
            yield Problem(f"routing.{name}", f"there is no subject '{name}'{did_you_mean(name, subjects)}")
        elif rule == "shared" and not all(isinstance(e, MasterData) for e in registry.of_subject(name)):
            yield Problem(f"routing.{name}", "only master data can be shared; a document has one company")


def _start(document: ConnectionDocument, registry: Registry) -> Iterator[Problem]:
    dated = {entity.name for entity in registry.entities() if entity.subject.date}
    for name in document.cutover:
        if name not in dated:
            yield Problem(
                f"cutover.{name}", f"there are no documents of entity '{name}'{did_you_mean(name, dated)}"
            )
