"""The inputs of the cost page, each with where it comes from: a price, the repository, a count, or an assumption.

What the repository says is read from it at each run. What was counted stands here with the command that counts it;
run that again after a change, and put the new figures here.
"""

import re
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from infra_checks import nodes
from infra_checks.facts import Facts
from infra_checks.problems import Tree
from infra_checks.project import MAIN, Project
from sandbox.bench.cost import MOST_REQUESTS
from sandbox.host.ncrontab import Ncrontab
from sandbox.stage import ROOT
from shared.entities import load_entities
from shared.factory import BUSINESS_CENTRAL_CALLS

PRICE: Final = "price"
REPOSITORY: Final = "repository"
COUNTED: Final = "counted"
ASSUMED: Final = "assumed"
MONTH: Final = 2_628_000
"""Seconds of a month, a twelfth of a year."""
ALERTS: Final = "infra/modules/alerts.bicep"
_TIMER: Final = re.compile(r'function_name\("(\w+)"\)\n@blueprint\.timer_trigger\([^)]*schedule="([^"]+)"')


@dataclass(frozen=True, slots=True)
class Input:
    """One number: what it is, its unit, and where it comes from."""

    value: float
    text: str
    unit: str
    source: str
    where: str = ""


@dataclass(frozen=True, slots=True)
class Inputs:
    """All numbers by a short name, which the formulas use."""

    by_name: dict[str, Input]

    def __getitem__(self, name: str) -> float:
        return self.by_name[name].value

    @classmethod
    def read(cls) -> "Inputs":
        """Prices, assumptions and counts from below, the rest from the repository."""
        return cls({**PRICES, **from_repository(), **COUNTS, **ASSUMPTIONS})


PRICES: Final = {
    "warm": Input(0.000004, "warm instance, waiting", "$ per GB-s", PRICE),
    "work": Input(0.000026, "execution on demand", "$ per GB-s", PRICE),
    "execution": Input(0.40, "executions", "$ per million", PRICE),
    "least": Input(1.0, "shortest billed execution", "s", PRICE),
    "alert": Input(0.50, "log alert, every 15 minutes or slower", "$ a month", PRICE),
    "metric_alert": Input(0.10, "metric alert", "$ a month", PRICE),
    "log": Input(2.76, "logs taken in", "$ per GB", PRICE),
    "operation": Input(0.004, "storage operations, the dearer of queue and table", "$ per 10,000", PRICE),
    "secret": Input(0.03, "vault operations", "$ per 10,000", PRICE),
    "endpoint": Input(7.30, "private endpoint", "$ a month", PRICE),
    "zone": Input(0.50, "private zone", "$ a month", PRICE),
}
"""Published prices of a North American region, without free grants."""

_COUNT: Final = "`python -m sandbox.costs --count 60`"
COUNTS: Final = {
    "c_executions": Input(2, "executions for an event: hook and sync", "", COUNTED, _COUNT),
    "c_requests": Input(
        MOST_REQUESTS,
        "storage operations for an event, at most",
        "",
        COUNTED,
        "`make bench BENCH='--only cost'`",
    ),
    "c_bytes": Input(7_839, "spans and lines of an event", "bytes", COUNTED, _COUNT),
    "c_idle_bytes": Input(32_069, "spans and lines of a round of timers", "bytes", COUNTED, _COUNT),
    "c_idle_requests": Input(68, "storage operations of a round of timers", "", COUNTED, _COUNT),
    "c_minute_bytes": Input(50_168, "a report of all figures, every minute", "bytes", COUNTED, _COUNT),
}

ASSUMPTIONS: Final = {
    "calls": Input(6, "calls to Business Central for an event", "", ASSUMED),
    "call": Input(0.4, "such a call", "s", ASSUMED),
    "hook": Input(0.1, "to take a delivery", "s", ASSUMED),
    "poll": Input(
        2.0,
        "between two looks into each of four queues, all month",
        "s",
        ASSUMED,
        "`maxPollingInterval` of `host.json`",
    ),
    "processes": Input(1, "processes that live all the time and report figures", "", ASSUMED),
    "vault": Input(96 * 3, "reads of secrets a day: three, every 15 minutes", "", ASSUMED),
}


def from_repository() -> dict[str, Input]:
    """Sizes, rules of alerts, and what the timers queue, as the files say now."""
    project = Project.read(Tree(ROOT), Facts.load())
    executions = runs()
    rules = _rules(project)
    return {
        "memory": Input(
            _default(project, "instanceMemoryMB") / 1024,
            "memory of an instance",
            "GB",
            REPOSITORY,
            "`instanceMemoryMB`",
        ),
        "always": Input(
            _default(project, "alwaysReadyHttpInstances"),
            "warm instances for HTTP",
            "",
            REPOSITORY,
            "`alwaysReadyHttpInstances`",
        ),
        "at_once": Input(
            BUSINESS_CENTRAL_CALLS,
            "calls at a time in one instance",
            "",
            REPOSITORY,
            "`BUSINESS_CENTRAL_CALLS`",
        ),
        "runs": Input(
            sum(executions.values()),
            "executions of an idle month, one connection",
            "",
            REPOSITORY,
            _shown(executions),
        ),
        "rounds": Input(
            MONTH / 300,
            "rounds of the timers that run every five minutes",
            "",
            REPOSITORY,
            "`catch_up`, `sweep_payments`",
        ),
        "alerts": Input(rules, "log alerts", "", REPOSITORY, f"`{ALERTS}`"),
    }


def runs() -> Counter[str]:
    """Executions in a month of an environment in which nothing happens: timers, and the messages that they queue."""
    subjects = load_entities().subjects()
    swept, ledger = (
        sum(bool(getattr(one, name)) for one in subjects) for name in ("path", "business_central")
    )
    messages = {
        "catch_up": swept + 1,
        "sweep_payments": ledger,
        "keep_hooks": 1,
        "tidy": len(subjects) + 2,
        "reconcile": 1,
    }
    found: Counter[str] = Counter()
    for name, schedule in schedules().items():
        found[name] = round(MONTH / _interval(schedule) * (1 + messages[name]))
    return found


def schedules() -> dict[str, str]:
    """The timers and when they run, as they are declared."""
    texts = (path.read_text("utf-8") for path in sorted((ROOT / "shared" / "triggers").glob("*.py")))
    return dict(found for text in texts for found in _TIMER.findall(text))


def _interval(schedule: str) -> float:
    """Seconds between two runs, over a week."""
    timer, moment, count = Ncrontab.parse(schedule), datetime(2026, 1, 5, tzinfo=UTC), 0
    end = moment + timedelta(days=7)
    while (moment := timer.next_after(moment)) < end:
        count += 1
    return 7 * 86_400 / count


def _shown(found: Counter[str]) -> str:
    return ", ".join(f"`{name}` {count:,}" for name, count in found.most_common())


def _default(project: Project, name: str) -> int:
    main = project.files[MAIN]
    default = main.parameters[name].default
    assert default is not None
    [value] = project.values(main, default, {})
    assert isinstance(value.literal, int)
    return value.literal


def _rules(project: Project) -> int:
    rules = project.files[ALERTS].variables["rules"].value
    assert isinstance(rules, nodes.Array)
    return len(rules.items)
