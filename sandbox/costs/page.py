"""The tables of docs/cost.md: inputs, an idle month, a hundred thousand events."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from sandbox.costs.inputs import MONTH, Inputs

EVENTS: Final = 100_000
SMALL_GB: Final = 0.5

type Part = tuple[str, str, Callable[[Inputs], float]]

IDLE: Final[tuple[Part, ...]] = (
    (
        "warm instances",
        "always × memory × t × warm",
        lambda i: i["always"] * i["memory"] * MONTH * i["warm"],
    ),
    (
        "timers and sweeps",
        "runs × (least × memory × work + execution / 10⁶)",
        lambda i: i["runs"] * (i["least"] * i["memory"] * i["work"] + i["execution"] / 1e6),
    ),
    ("alerts", "alerts × alert + metric_alert", lambda i: i["alerts"] * i["alert"] + i["metric_alert"]),
    (
        "logs: spans and lines",
        "rounds × c_idle_bytes × log / 10⁹",
        lambda i: i["rounds"] * i["c_idle_bytes"] * i["log"] / 1e9,
    ),
    (
        "logs: figures",
        "processes × t / 60 × c_minute_bytes × log / 10⁹",
        lambda i: i["processes"] * MONTH / 60 * i["c_minute_bytes"] * i["log"] / 1e9,
    ),
    (
        "storage: what the timers do",
        "rounds × c_idle_requests × operation / 10⁴",
        lambda i: i["rounds"] * i["c_idle_requests"] * i["operation"] / 1e4,
    ),
    (
        "storage: looking into queues",
        "4 × t / poll × operation / 10⁴",
        lambda i: 4 * MONTH / i["poll"] * i["operation"] / 1e4,
    ),
    ("vault", "vault × 30 × secret / 10⁴", lambda i: i["vault"] * 30 * i["secret"] / 1e4),
)
"""Name, formula and value of each part of an idle month."""

BUSY: Final[tuple[Part, ...]] = (
    (
        "syncs",
        "n × calls × call / at_once × memory × work",
        lambda i: EVENTS * i["calls"] * i["call"] / i["at_once"] * i["memory"] * i["work"],
    ),
    ("deliveries", "n × hook × memory × work", lambda i: EVENTS * i["hook"] * i["memory"] * i["work"]),
    (
        "executions",
        "n × c_executions × execution / 10⁶",
        lambda i: EVENTS * i["c_executions"] * i["execution"] / 1e6,
    ),
    ("logs", "n × c_bytes × log / 10⁹", lambda i: EVENTS * i["c_bytes"] * i["log"] / 1e9),
    (
        "storage",
        "n × c_requests × operation / 10⁴",
        lambda i: EVENTS * i["c_requests"] * i["operation"] / 1e4,
    ),
)
"""The same for a hundred thousand events."""


def tables(inputs: Inputs) -> dict[str, list[str]]:
    """The three tables by the heading under which they stand."""
    small = _with_memory(inputs, SMALL_GB)
    idle = list(_sum(IDLE, inputs, small))
    idle.append(
        _row(
            "without warm instances",
            "`ALWAYS_READY_HTTP_INSTANCES` 0",
            _total(IDLE[1:], inputs),
            _total(IDLE[1:], small),
        )
    )
    network = 4 * inputs["endpoint"] + 4 * inputs["zone"]
    idle.append(_row("a virtual network comes on top", "4 × endpoint + 4 × zone", network, network))
    busy = list(_sum(BUSY, inputs, small))
    alone = [one["least"] * one["memory"] * one["work"] * EVENTS for one in (inputs, small)]
    busy.append(_row("syncs, where events come one by one", "n × least × memory × work", *alone))
    return {"## Inputs": list(_inputs(inputs)), "## Idle, for a month": idle, "## 100,000 events": busy}


def _inputs(inputs: Inputs) -> Iterator[str]:
    yield "| Name | Input | Value | From |"
    yield "| --- | --- | --- | --- |"
    for name, one in inputs.by_name.items():
        where = f": {one.where}" if one.where else ""
        value = f"{one.value:,.10f}".rstrip("0").rstrip(".")
        yield f"| {name} | {one.text} | {value}{f' {one.unit}' if one.unit else ''} | {one.source}{where} |"


def _sum(parts: tuple[Part, ...], inputs: Inputs, small: Inputs) -> Iterator[str]:
    yield "| Part | Formula | 2 GB | 0.5 GB |"
    yield "| --- | --- | --- | --- |"
    for name, formula, value in parts:
        yield _row(name, formula, value(inputs), value(small))
    yield _row("**sum**", "", _total(parts, inputs), _total(parts, small))


def _total(parts: tuple[Part, ...], inputs: Inputs) -> float:
    return sum(value(inputs) for _, _, value in parts)


def _row(name: str, formula: str, large: float, small: float) -> str:
    return f"| {name} | {formula} | ${large:,.2f} | ${small:,.2f} |"


def _with_memory(inputs: Inputs, gigabytes: float) -> Inputs:
    return Inputs({**inputs.by_name, "memory": replace(inputs.by_name["memory"], value=gigabytes)})
