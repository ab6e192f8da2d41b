"""``make demo``: plays the day, prints the figures, exits 0 only if every expectation holds.

With ``--kills N`` the functions are killed N times at random moments; the final state must be the same.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Callable

from sandbox.demo.attempts import entity_figures
from sandbox.demo.books import Books, read_books
from sandbox.demo.checks import checks
from sandbox.demo.crashes import INVISIBLE_SECONDS, crashing
from sandbox.demo.day import Day
from sandbox.demo.money import expense_money, invoice_money, settled_money
from sandbox.demo.money_purchasing import purchase_money
from sandbox.demo.tables import entity_table, money_table
from sandbox.stage import Stage

HOST = {
    "AzureFunctionsJobHost__extensions__queues__maxPollingInterval": "00:00:00.1",
    "AzureFunctionsJobHost__logging__logLevel__Host.Results": "Warning",
}
"""An idle host looks for messages ten times a second, so that no step waits two seconds to begin."""
LEASE_SECONDS = {**HOST, "DYNACONNECT_LEASE_SECONDS": "10"}
SHORT_LEASE = {
    **HOST,
    "DYNACONNECT_LEASE_SECONDS": "4",
    "DYNACONNECT_OPERATION_SECONDS": "6",
    "AzureFunctionsJobHost__extensions__queues__maxDequeueCount": "15",
}
"""Ten deaths within a minute can meet one message more than five times, which would make it rest for a quarter of an hour.
The real host hides a message for ten minutes after each."""


async def main(kills: int, seed: int) -> int:
    """Plays the day on a stage of its own."""
    started = time.monotonic()

    def say(text: str) -> None:
        print(f"[{time.monotonic() - started:5.1f} s] {text}", flush=True)

    say("starts Azurite, ConnectWise, Business Central and the functions")
    stage = Stage(settings=LEASE_SECONDS)
    if kills:
        stage = Stage(settings=SHORT_LEASE, invisibility=INVISIBLE_SECONDS)
    async with stage:
        day = Day(stage, say, interrupted=kills > 0)
        try:
            async with crashing(stage, kills, seed, say):
                await day.play()
            if kills:
                await day.sweep()
            return await show(stage, day, await read_books(stage), say)
        except Exception:
            print("\n".join(list(stage.host.output)[-40:]), file=sys.stderr)
            raise


async def show(stage: Stage, day: Day, books: Books, say: Callable[[str], None]) -> int:
    """Prints the figures and every expectation; 0 if all hold, else 1."""
    work = await stage.api("GET", "work")
    held_invoices = [int(record_id) for subject, record_id in day.to_hold if subject == "invoice"]
    held: dict[str, int] = {}
    for item in work["items"]:
        if item["state"] == "held":
            held[item["entity"]] = held.get(item["entity"], 0) + 1
    money = [
        *invoice_money(books, held_invoices),
        *settled_money(books),
        *purchase_money(books, day.buying),
        *expense_money(books, day.office.unapproved),
    ]
    say("the day is over")
    print("\n" + entity_table(await entity_figures(stage, day.made_at), held))
    print("\n" + money_table(money) + "\n")
    print("Held for a person:")
    for item in work["items"]:
        print(f"  {item['entity']} {item['ref']['id']}: {item['reason']}\n    what to do: {item['todo']}")
    print()
    results = checks(day, books, work, money, await stage.api("GET", "agreements"))
    for result in results:
        print(
            f"  {'ok  ' if result.holds else 'FAIL'} {result.text}"
            + ("" if result.holds else f": {result.found}")
        )
    failed = [result for result in results if not result.holds]
    print(f"\n{len(results) - len(failed)} of {len(results)} expectations hold.")
    return 1 if failed else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m sandbox.demo")
    parser.add_argument("--kills", type=int, default=0, help="how often the functions are killed")
    parser.add_argument("--seed", type=int, default=1, help="chooses the moments")
    given = parser.parse_args()
    sys.exit(asyncio.run(main(given.kills, given.seed)))
