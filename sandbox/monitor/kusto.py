"""Checks queries with Microsoft's language service and runs them over rows: the operators that our queries use.

The service parses and binds, so a misspelt column, table or function is a problem. It cannot run a query; that is done
here, over the syntax tree. What is not known here is refused, so that no query passes by accident.
"""

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from sandbox.monitor.collector import Row
from sandbox.monitor.expressions import Scope, evaluate, name_of, pairs, parts, text_of

type Tree = list[Any]

SCRIPT: Final = Path(__file__).with_suffix(".cjs")
_COMMON: Final = (
    "timestamp: datetime, operation_Id: string, operation_ParentId: string, operation_Name: string, "
    "cloud_RoleName: string, customDimensions: dynamic"
)
TABLES: Final = {
    "customMetrics": f"{_COMMON}, name: string, value: real, valueSum: real, valueCount: int, valueMin: real, valueMax: real",
    "requests": f"{_COMMON}, id: string, name: string, success: bool, resultCode: string, duration: real",
    "dependencies": f"{_COMMON}, id: string, name: string, target: string, type: string, data: string, "
    "success: bool, resultCode: string, duration: real",
    "traces": f"{_COMMON}, message: string, severityLevel: int",
    "exceptions": f"{_COMMON}, type: string, outerMessage: string",
}
"""The columns of Application Insights that queries may use."""


class UnknownSyntaxError(Exception):
    """A query uses something that is not run here."""


@dataclass(frozen=True, slots=True)
class Query:
    """A query that the language service has read: what is wrong with it, and its tree."""

    problems: tuple[str, ...]
    tree: Tree


def read(queries: Sequence[str]) -> list[Query]:
    """Reads queries, all in one start of the service; raises CalledProcessError where it cannot run."""
    asked = json.dumps({"tables": TABLES, "queries": list(queries)})
    done = subprocess.run(["node", str(SCRIPT)], input=asked, capture_output=True, text=True, check=True)
    return [Query(tuple(one["problems"]), one["tree"]) for one in json.loads(done.stdout)]


@dataclass(slots=True)
class Run:
    """Runs a query over the rows of tables at a moment."""

    tables: Mapping[str, Sequence[Row]]
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    names: dict[str, Any] = field(default_factory=dict)

    def rows(self, query: Query) -> list[Row]:
        """What the query returns."""
        found: list[Row] = []
        for statement in parts(query.tree[2]):
            match statement:
                case ["LetStatement", _, declaration, _, value]:
                    self.names[name_of(declaration)] = self._value(value)
                case ["ExpressionStatement", expression]:
                    found = self._table(expression)
                case _:
                    raise UnknownSyntaxError(str(statement[0]))
        return found

    def _value(self, tree: Tree) -> Any:
        return evaluate(tree, Scope({}, self.now, self.names))

    def _table(self, tree: Tree) -> list[Row]:
        match tree:
            case ["NameReference", *_]:
                return [self._row(row) for row in self.tables.get(name_of(tree), ())]
            case ["ParenthesizedExpression", _, inner, _]:
                return self._table(inner)
            case ["PipeExpression", source, _, operator]:
                return self._apply(operator, self._table(source))
            case ["UnionOperator", _, _, tables]:
                return [row for one in parts(tables) for row in self._table(one)]
        raise UnknownSyntaxError(str(tree[0]))

    def _row(self, row: Row) -> Row:
        moment = row["timestamp"]
        return row if isinstance(moment, datetime) else row | {"timestamp": datetime.fromisoformat(moment)}

    def _apply(self, operator: Tree, rows: list[Row]) -> list[Row]:
        match operator:
            case ["FilterOperator", _, _, condition]:
                return [row for row in rows if evaluate(condition, self._scope(row)) is True]
            case ["ExtendOperator", _, expressions]:
                return [row | self._columns(expressions, row) for row in rows]
            case ["ProjectOperator", _, expressions]:
                return [self._columns(expressions, row) for row in rows]
            case ["SummarizeOperator", _, _, aggregates, *by]:
                return self._summarize(aggregates, by[0][2] if by and len(by[0]) > 2 else ["List"], rows)
            case ["TopOperator", _, _, count, _, order]:
                return self._sorted([order], rows)[: int(self._value(count))]
            case ["SortOperator", _, _, _, orders]:
                return self._sorted(list(parts(orders)), rows)
        raise UnknownSyntaxError(str(operator[0]))

    def _scope(self, row: Row, group: Sequence[Row] = ()) -> Scope:
        return Scope(row, self.now, self.names, [self._scope(one) for one in group])

    def _columns(self, expressions: Tree, row: Row) -> Row:
        return {name: evaluate(value, self._scope(row)) for name, value in pairs(expressions)}

    def _summarize(self, aggregates: Tree, by: Tree, rows: list[Row]) -> list[Row]:
        groups: dict[str, tuple[Row, list[Row]]] = {}
        for row in rows:
            keys = self._columns(by, row)
            groups.setdefault(repr(keys), (keys, []))[1].append(row)
        if not list(parts(by)):
            groups = {"": ({}, rows)}
        found = []
        for keys, members in groups.values():
            scope = self._scope({}, members)
            result = dict(keys)
            for name, value in pairs(aggregates):
                one = evaluate(value, scope)
                # arg_max gives several columns at once.
                result |= (
                    one if isinstance(one, dict) and text_of(value).startswith("arg_max") else {name: one}
                )
            found.append(result)
        return found

    def _sorted(self, orders: list[Tree], rows: list[Row]) -> list[Row]:
        for order in reversed(orders):
            expression, falling = (
                (order[1], "asc" not in text_of(order[2]))
                if order[0] == "OrderedExpression"
                else (order, True)
            )
            rows = sorted(rows, key=lambda row: evaluate(expression, self._scope(row)), reverse=falling)
        return rows


def shifted(row: Row, now: datetime, ago: timedelta = timedelta(0), **changes: Any) -> Row:
    """A row as it would be if it had been sent some time before ``now``, with other values."""
    return row | {"timestamp": now - ago} | changes
