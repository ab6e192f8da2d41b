"""Serves the stand-in on 127.0.0.1: ``python -m sandbox.business_central --port 7002``."""

import argparse
import asyncio
import ssl
from contextlib import suppress

from aiohttp import web

from sandbox.business_central.app import create


async def serve(arguments: argparse.Namespace) -> None:
    """Runs until it is cancelled; prints one line with the address when ready."""
    context: ssl.SSLContext | None = None
    if arguments.tls_cert:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(arguments.tls_cert, arguments.tls_key)
    runner = web.AppRunner(create().app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", arguments.port, ssl_context=context).start()
        host, port = runner.addresses[0][:2]
        print(f"business central ready on {'https' if context else 'http'}://{host}:{port}", flush=True)
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()


def main() -> None:
    """Reads the command line and serves."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.business_central")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--tls-cert", default="", help="certificate chain; with it the stand-in serves https")
    parser.add_argument("--tls-key", default=None, help="private key, if not in the certificate file")
    with suppress(KeyboardInterrupt):
        asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
