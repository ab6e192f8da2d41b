"""Compiles a mapping document once and maps any number of records with it, from any thread."""

from collections.abc import Iterator, Mapping
from typing import Any

from shared.mapping.check import check
from shared.mapping.conditions import compile_condition, why_not
from shared.mapping.consistency import condition_paths
from shared.mapping.document import LineBlock, Lookup, MappingDocument
from shared.mapping.exact import CompiledBalance, ExactRule
from shared.mapping.paths import compile_path, parse_path
from shared.mapping.problems import MappingError
from shared.mapping.results import Finding, Mapped, MappingContext, References
from shared.mapping.rules import CompiledRule
from shared.mapping.stages import NoContext, Run
from shared.mapping.targets import TargetCatalogue, TargetSet
from shared.mapping.values import Json, show


def compile_mapping(document: MappingDocument, catalogue: TargetCatalogue) -> "CompiledMapping":
    """Checks a document against its target and compiles it. Raises ``MappingError`` with everything ``check`` finds."""
    if problems := check(document, catalogue):
        raise MappingError(problems)
    return CompiledMapping(document, catalogue)


class CompiledMapping:
    """A mapping ready to use. It holds no state, so one instance serves all records."""

    def __init__(self, document: MappingDocument, catalogue: TargetCatalogue) -> None:
        self.document = document
        target = catalogue.sets[document.target]
        self._holds = compile_condition(document.when)
        self._fields = [
            CompiledRule(rule, f"fields[{index}]", target.fields[rule.to], document.lookups)
            for index, rule in enumerate(document.fields)
        ]
        self._create_only = {rule.to for rule in document.fields if rule.mode == "create"}
        self._blocks = [
            _Block(block, number, catalogue.sets[target.lines[block.to]], document.lookups)
            for number, block in enumerate(document.lines)
        ]
        self._balance = CompiledBalance(document.balance) if document.balance else None

    def apply(self, source: Mapping[str, Any], context: MappingContext) -> Mapped:
        """Maps one record. Never raises for what a record holds: that becomes holds, waits and warnings."""
        root = source if isinstance(source, dict) else dict(source)
        if (reason := self._out_of_scope(root)) is not None:
            return Mapped(in_scope=False, why_not=reason)
        run, create = Run(context), dict[str, Any]()
        for rule in self._fields:
            rule.run(root, root, run, create, "")
        change = {name: value for name, value in create.items() if name not in self._create_only}
        for block, here in self._lines(root, run):
            lines, line = create.setdefault(block.to, []), dict[str, Any]()
            prefix = f"{block.to}[{len(lines)}]."
            lines.append(line)
            for line_rule in block.rules:
                line_rule.run(here, root, run, line, prefix)
        if self._balance:
            self._balance.run(root, run, create)
        return Mapped(
            in_scope=True,
            create=create,
            change=change,
            traces=tuple(run.traces),
            holds=tuple(run.holds),
            waits=tuple(run.waits),
            warnings=tuple(run.warnings),
        )

    def references(self, source: Mapping[str, Any]) -> References:
        """What to fetch before ``apply``: target records by property and linked source records, each once."""
        root = source if isinstance(source, dict) else dict(source)
        if self._out_of_scope(root) is not None:
            return References()
        found = [rule.references(root, root) for rule in self._fields]
        for block, here in self._lines(root, Run(NoContext())):
            found += [rule.references(here, root) for rule in block.rules]
        return References(
            tuple(dict.fromkeys(record for one in found for record in one.records)),
            tuple(dict.fromkeys(link for one in found for link in one.links)),
        )

    def _out_of_scope(self, root: dict[str, Any]) -> str | None:
        if self.document.when is None or self._holds(root, root):
            return None
        return why_not(self.document.when, root, root)

    def _lines(self, root: dict[str, Any], run: Run) -> Iterator[tuple["_Block", Json]]:
        """Every line to write, with the source element it comes from; holds the elements nobody took."""
        taken: dict[tuple[str, str], set[int]] = {}
        for block in self._blocks:
            if block.each is None:
                if block.holds(root, root):
                    yield block, root
                continue
            mine = taken.setdefault((block.to, block.each), set())
            for index, element in enumerate(block.elements(root, run)):
                if (block.also or index not in mine) and block.holds(element, root):
                    if not block.also:
                        mine.add(index)
                    if not block.leave_out:
                        yield block, element
        for key in dict.fromkeys(
            (block.to, block.each or "") for block in self._blocks if block.must_be_taken
        ):
            self._hold_left_over(key, taken[key], root, run)

    def _hold_left_over(self, key: tuple[str, str], taken: set[int], root: dict[str, Any], run: Run) -> None:
        blocks = [block for block in self._blocks if (block.to, block.each) == key]
        for index, element in enumerate(blocks[0].elements(root, Run(run.context))):
            if index not in taken:
                values = ", ".join(
                    dict.fromkeys(value for block in blocks for value in block.deciding(element, root))
                )
                run.holds.append(
                    Finding(
                        "line_left_over",
                        f"{key[1]}[{index}]",
                        f"no line block takes it ({values})" if values else "no line block takes it",
                        "Add a line block for it to the mapping, or correct the source document.",
                    )
                )


class _Block:
    """A line block, compiled."""

    def __init__(
        self, block: LineBlock, number: int, target: TargetSet, lookups: Mapping[str, Lookup]
    ) -> None:
        self.to, self.each, self.also, self.leave_out = block.to, block.each, block.also, block.leave_out
        self.must_be_taken = block.otherwise == "hold"
        self.holds, self._when = compile_condition(block.when), block.when
        self._read = compile_path(parse_path(block.each or "$"))
        self.rules: list[CompiledRule | ExactRule] = []
        for index, rule in enumerate(block.fields):
            place = f"lines[{number}].fields[{index}]"
            if rule.exact:
                self.rules.append(ExactRule(rule, rule.exact, place, target.fields[rule.exact.description]))
            else:
                self.rules.append(CompiledRule(rule, place, target.fields[rule.to], lookups))

    def elements(self, root: dict[str, Any], run: Run) -> list[Json]:
        """The elements at ``each``; anything but a list of objects is held, once."""
        found = self._read(root, root)
        if found is None:
            return []
        items = found if isinstance(found, list) else [found]
        if all(isinstance(item, dict) for item in items):
            return items
        finding = Finding(
            "not_a_list",
            self.each or "",
            "it holds something other than lines",
            "Correct the source document.",
        )
        if finding not in run.holds:
            run.holds.append(finding)
        return []

    def deciding(self, element: Json, root: dict[str, Any]) -> list[str]:
        """The values its condition looks at, for people."""
        paths = condition_paths(self._when) if self._when else ()
        return [f"{path.text} {show(compile_path(path)(element, root))}" for path in paths]
