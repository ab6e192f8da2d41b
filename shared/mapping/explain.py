"""Says in one sentence how a field got its value."""

from shared.mapping.problems import did_you_mean
from shared.mapping.results import Mapped, Trace
from shared.mapping.values import show


def explain(mapped: Mapped, field: str) -> str:
    """For example ``currencyCode is "EUR": from currency.name "Euro", looked up in currencies``.

    ``field`` is a target field; in lines it is written ``salesInvoiceLines[2].unitPrice``.
    """
    if not mapped.in_scope:
        return f"{field} is not sent, because the record is out of scope: {mapped.why_not}"
    traces = [trace for trace in mapped.traces if trace.target == field]
    if not traces:
        return f"no rule fills {field}{did_you_mean(field, (trace.target for trace in mapped.traces))}"
    told = "; then ".join(_told(trace) for trace in traces if trace.outcome == traces[-1].outcome)
    match traces[-1].outcome:
        case "held":
            reasons = [finding.what for finding in mapped.holds if finding.where == field]
            return f"{field} is held: {'; '.join(reasons)}"
        case "waiting":
            return f"{field} waits for another record: {told}"
        case "omitted":
            return f"{field} is left out: {told}"
        case "cleared":
            return f"{field} is cleared: {told}"
    return f"{field} is {show(traces[-1].result)}: {told}"


def _told(trace: Trace) -> str:
    if not trace.source:
        words = ["fixed value"]
    elif trace.value is None:
        words = [f"{trace.source} is empty"]
    elif trace.source.startswith("template "):
        words = [f"from {trace.source}"]
    else:
        words = [f"from {trace.source} {show(trace.value)}"]
    before = trace.value
    for step in trace.steps:
        last = step is trace.steps[-1] and trace.result is not None
        words.append(step.what if last or step.result == before else f"{step.what} -> {show(step.result)}")
        before = step.result
    return ", ".join(words)
