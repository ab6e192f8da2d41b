"""The local host with meters: storage requests by kind, processor time and memory of its process.

``python -m sandbox.bench.host`` takes the arguments of ``python -m sandbox.host``. The meters are read over HTTP on
the port in ``BENCH_METER``. ``BENCH_BACKOFF`` shortens the first rest after a failure, in seconds: a bench cannot
wait for the days over which the product spreads its tries. ``BENCH_LIMIT`` is another limit of Business Central than
its own, as calls/seconds.
"""

import json
import os
import resource
import sys
import threading
import time
from collections import Counter
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, Final, override

from azure.core.pipeline.transport import AioHttpTransport

from sandbox.host.__main__ import main

METER: Final = "BENCH_METER"
BACKOFF: Final = "BENCH_BACKOFF"
LIMIT: Final = "BENCH_LIMIT"
_CALLS: Final = Counter[str]()
_QUEUE: Final = {"POST": "put", "GET": "receive", "DELETE": "delete", "PUT": "renewal"}
_TABLE: Final = {"POST": "insert", "GET": "read", "PATCH": "change", "PUT": "change", "DELETE": "delete"}


def kind_of(method: str, path: str) -> str:
    """The name under which a storage request is counted."""
    if "/messages" in path:
        return f"queue {_QUEUE.get(method, method)}"
    if path.endswith("$batch"):
        return "table transaction"
    if "dynaconnectrecords" in path or "dynaconnectstate" in path:
        table = "state" if "dynaconnectstate" in path else "records"
        if method == "GET" and "PartitionKey=" not in path:
            return f"{table} query"
        claim = " of a claim" if "claims" in path else ""
        return f"{table} {_TABLE.get(method, method)}{claim}"
    return "set-up"


def count_storage() -> None:
    """Counts every request that a storage client of this process sends, retries included."""
    send = AioHttpTransport.send

    async def counted(self: AioHttpTransport, request: Any, **options: Any) -> Any:
        path = str(request.url).partition("?")[0]
        kind = kind_of(request.method, path)
        if kind.endswith("insert") and 'claims"' in str(request.body):
            kind += " of a claim"
        _CALLS[kind] += 1
        return await send(self, request, **options)

    AioHttpTransport.send = counted


class _Meter(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        """Everything since the start of the process; memory in KiB, time in seconds."""
        usage = resource.getrusage(resource.RUSAGE_SELF)
        with open("/proc/self/statm", encoding="ascii") as status:
            resident = int(status.read().split()[1]) * resource.getpagesize() // 1024
        value = {"storage": _CALLS, "cpu": time.process_time(), "resident": resident, "peak": usage.ru_maxrss}
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the host's own log is what people read."""


def _shorten(seconds: float) -> None:
    import shared.app
    from shared.engine.backoff import Backoff

    shared.app.bootstrap = partial(
        shared.app.bootstrap, backoff=Backoff(base_seconds=seconds, cap_seconds=seconds * 4)
    )


def _limit(requests: int, seconds: float) -> None:
    import shared.app
    from shared.factory import ConnectionFactory

    limited = partial(ConnectionFactory, requests=requests, window=seconds)
    vars(shared.app)["ConnectionFactory"] = limited


if __name__ == "__main__":
    count_storage()
    if BACKOFF in os.environ:
        _shorten(float(os.environ[BACKOFF]))
    if LIMIT in os.environ:
        calls, window = os.environ[LIMIT].split("/")
        _limit(int(calls), float(window))
    server = HTTPServer(("127.0.0.1", int(os.environ[METER])), _Meter)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    if profile := os.environ.get("BENCH_PROFILE"):
        import cProfile

        profiler = cProfile.Profile()
        try:
            profiler.runcall(main)
        finally:
            profiler.dump_stats(profile)
        sys.exit(0)
    sys.exit(main())
