"""Which entities there are, by name and by subject."""

from collections import defaultdict
from collections.abc import Iterable

from shared.engine.entity import Entity, Subject


class Registry:
    """The entities of the product; the order of registration is the order within a subject."""

    def __init__(self, entities: Iterable[Entity]) -> None:
        self._entities = {entity.name: entity for entity in entities}
        self._by_subject: defaultdict[str, list[Entity]] = defaultdict(list)
        self._subjects: dict[str, Subject] = {}
        for entity in self._entities.values():
            known = self._subjects.setdefault(entity.subject.name, entity.subject)
            if known != entity.subject:
                raise ValueError(f"two subjects are named {entity.subject.name}")
            self._by_subject[entity.subject.name].append(entity)

    def entity(self, name: str) -> Entity:
        """The entity of that name; raises KeyError."""
        return self._entities[name]

    def entities(self) -> list[Entity]:
        """All entities."""
        return list(self._entities.values())

    def subject(self, name: str) -> Subject:
        """The subject of that name; raises KeyError."""
        return self._subjects[name]

    def subjects(self) -> list[Subject]:
        """All subjects."""
        return list(self._subjects.values())

    def of_subject(self, name: str) -> list[Entity]:
        """The entities made of one subject; raises KeyError for an unknown one."""
        self.subject(name)
        return self._by_subject[name]

    def subject_of(self, name: str) -> Subject:
        """The subject behind a name that is an entity's or a subject's; raises KeyError."""
        return self._subjects[name] if name in self._subjects else self._entities[name].subject
