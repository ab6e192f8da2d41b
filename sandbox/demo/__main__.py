"""``make demo``: plays the day, prints the figures, exits 0 only if every expectation holds."""

import asyncio
import sys
import time
from collections.abc import Callable

from sandbox.demo.attempts import entity_figures
from sandbox.demo.books import Books, invoice_money, payment_money
from sandbox.demo.checks import checks
from sandbox.demo.day import Day
from sandbox.demo.tables import entity_table, money_table
from sandbox.stage import Stage

SETTINGS = {"DYNACONNECT_LEASE_SECONDS": "10"}


async def main() -> int:
    """Plays the day on a stage of its own."""
    started = time.monotonic()

    def say(text: str) -> None:
        print(f"[{time.monotonic() - started:5.1f} s] {text}", flush=True)

    say("starts Azurite, ConnectWise, Business Central and the functions")
    async with Stage(settings=SETTINGS) as stage:
        day = Day(stage, say)
        try:
            books = await day.play()
            return await show(stage, day, books, say)
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
    money = [*invoice_money(books, held_invoices), *payment_money(books)]
    say("the day is over")
    print("\n" + entity_table(await entity_figures(stage, day.made_at), held))
    print("\n" + money_table(money) + "\n")
    print("Held for a person:")
    for item in work["items"]:
        print(f"  {item['entity']} {item['ref']['id']}: {item['reason']}\n    what to do: {item['todo']}")
    print()
    results = checks(day, books, work, money)
    for result in results:
        print(
            f"  {'ok  ' if result.holds else 'FAIL'} {result.text}"
            + ("" if result.holds else f": {result.found}")
        )
    failed = [result for result in results if not result.holds]
    print(f"\n{len(results) - len(failed)} of {len(results)} expectations hold.")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
