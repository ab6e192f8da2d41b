"""``python -m sandbox.backup``: both tables into a file, and back into an empty account.

The account is the one that ``AzureWebJobsStorage`` names, in the environment or in ``local.settings.json``; an account
that is named without a key is opened as whoever is signed in with ``az login``.
"""

import argparse
import asyncio
import gzip
import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TextIO, cast

from azure.core.exceptions import AzureError

from sandbox.host.settings import read_values
from shared.adapters.storage.archive import ArchiveError, restore, save
from shared.adapters.storage.clients import SETTING, StorageClients, open_storage

ROOT: Final = Path(__file__).resolve().parents[1]


def opened(path: Path, mode: str) -> TextIO:
    """The file as text, packed if its name ends with ``.gz``."""
    if path.suffix == ".gz":
        return cast("TextIO", gzip.open(path, f"{mode}t", encoding="utf-8"))
    return cast("TextIO", path.open(mode, encoding="utf-8"))


async def run(command: str, path: Path, storage: StorageClients) -> int:
    """Saves into the file, which must not exist, or restores from it; returns the number of rows."""
    if command == "restore":
        await storage.prepare()
        with opened(path, "r") as file:
            return await restore(storage, file)
    count = -2
    with opened(path, "x") as file:
        async for line in save(storage, datetime.now(UTC)):
            file.write(line)
            count += 1
    return count


def account(environment: Mapping[str, str], local: Path) -> dict[str, str]:
    """The settings that name the account."""
    values = read_values(local) if local.is_file() else {}
    if any(name.startswith(SETTING) for name in environment):
        values = dict(environment)
    return {name: value for name, value in values.items() if name.startswith(SETTING) and value}


def main(arguments: list[str] | None = None) -> int:
    """Reads the command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.backup", description=__doc__)
    parser.add_argument("command", choices=("save", "restore"))
    parser.add_argument("file", type=Path)
    given = parser.parse_args(arguments)
    settings = account(os.environ, ROOT / "local.settings.json")
    if not settings:
        print(f"error: {SETTING} names no account", file=sys.stderr)
        return 1

    async def work() -> int:
        storage = open_storage(settings)
        try:
            return await run(given.command, given.file, storage)
        finally:
            await storage.close()

    try:
        count = asyncio.run(work())
    except (ArchiveError, AzureError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{count} rows {'restored' if given.command == 'restore' else 'saved'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
