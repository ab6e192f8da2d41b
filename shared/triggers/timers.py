"""The timers. They only queue work; what a run must cover comes from stored watermarks, never from the schedule.

The names are a contract: people run them by hand.
"""

import logging
from typing import TYPE_CHECKING

import azure.functions as func

from shared.domain.envelope import FIGURES, FIRST_START, RETENTION, Envelope
from shared.triggers.process import get_app
from shared.triggers.queues import KEEP_HOOKS

if TYPE_CHECKING:
    from shared.app import App

blueprint: func.Blueprint = func.Blueprint()  # type: ignore[no-untyped-call]
log = logging.getLogger("dynaconnect.timers")


@blueprint.function_name("keep_hooks")
@blueprint.timer_trigger(arg_name="timer", schedule="0 7 */6 * * *", run_on_startup=False)
async def keep_hooks(timer: func.TimerRequest) -> None:
    """Registers, renews and heals callbacks and subscriptions."""
    await _queue_sweeps(await get_app(), [KEEP_HOOKS], "timer" if not timer.past_due else "timer past due")


@blueprint.function_name("catch_up")
@blueprint.timer_trigger(arg_name="timer", schedule="0 */5 * * * *", run_on_startup=False)
async def catch_up(timer: func.TimerRequest) -> None:
    """Sweeps every ConnectWise subject from its watermark; a connection's first run also registers its hooks."""
    app = await get_app()
    why = "timer" if not timer.past_due else "timer past due"
    for name in await app.connections.names():
        await app.rests.resume(name)
        if not await app.state.load(name, "hooks"):
            await app.queue.send_sweep(Envelope(name, KEEP_HOOKS, "*", FIRST_START, app.clock.now()))
    await _queue_sweeps(app, [FIGURES, *(s.name for s in app.registry.subjects() if s.path)], why)


@blueprint.function_name("sweep_payments")
@blueprint.timer_trigger(arg_name="timer", schedule="30 */5 * * * *", run_on_startup=False)
async def sweep_payments(timer: func.TimerRequest) -> None:
    """Reads new applications from the customer ledger and compares the open invoices."""
    why = "timer" if not timer.past_due else "timer past due"
    app = await get_app()
    await _queue_sweeps(app, [s.name for s in app.registry.subjects() if s.business_central], why)


@blueprint.function_name("tidy")
@blueprint.timer_trigger(arg_name="timer", schedule="0 41 3 * * *", run_on_startup=False)
async def tidy(timer: func.TimerRequest) -> None:
    """Takes away the history whose months are over, of every connection."""
    await _queue_sweeps(await get_app(), [RETENTION], "timer" if not timer.past_due else "timer past due")


async def _queue_sweeps(app: "App", subjects: list[str], why: str) -> None:
    for connection in await app.connections.names():
        for subject in subjects:
            envelope = Envelope(connection, subject, "*", why, app.clock.now(), origin=app.origin)
            await app.queue.send_sweep(envelope)
