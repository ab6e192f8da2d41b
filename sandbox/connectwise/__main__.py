"""Serves the stand-in on 127.0.0.1: ``python -m sandbox.connectwise --port 7001``."""

import argparse
import asyncio
from contextlib import suppress

from aiohttp import web

from sandbox.connectwise.app import create


async def serve(arguments: argparse.Namespace) -> None:
    """Runs until it is cancelled; prints one line with the address when ready."""
    stand_in = create(
        arguments.company, arguments.public_key, arguments.private_key, arguments.client_id, arguments.member
    )
    runner = web.AppRunner(stand_in.app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", arguments.port).start()
        host, port = runner.addresses[0][:2]
        print(f"connectwise ready on http://{host}:{port}", flush=True)
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()


def main() -> None:
    """Reads the command line and serves."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.connectwise")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--company", default="acme")
    parser.add_argument("--public-key", default="public")
    parser.add_argument("--private-key", default="private")
    parser.add_argument("--client-id", default="00000000-0000-4000-8000-000000000000")
    parser.add_argument("--member", default="dynaconnect")
    with suppress(KeyboardInterrupt):
        asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
