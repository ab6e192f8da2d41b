"""Deliveries as an attacker, a broken proxy or a new version of a sender might send them."""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

FORGED_ID: Final = 900_000_000
"""Record ids from here on stand in deliveries that nobody signed: none of them may ever reach a queue."""
FORGED_GUID: Final = "f0000000-0000-4000-8000-"
LARGE: Final = 300_000
HUGE: Final = 3_000_000


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where keys are: ConnectWise's own, and the host of somebody else, which must never be called."""

    connectwise: str
    foreign: str


@dataclass(slots=True)
class Delivery:
    """One request. ``signed`` says with whose key: ``own``, ``wrong``, ``none`` or ``garbage``."""

    kind: str
    body: bytes
    signed: str = "none"
    query: str = ""
    headers: dict[str, str] = field(default_factory=dict)


def _deep(chance: random.Random) -> bytes:
    depth = chance.choice((50, 990, 5_000, 60_000))
    opening, closing = chance.choice(((b"[", b"]"), (b'{"a":', b"}")))
    middle = b"0" if chance.random() < 0.5 else b""
    return opening * depth + middle + (closing * depth if chance.random() < 0.7 else b"")


def _number(chance: random.Random) -> bytes:
    return chance.choice(
        (
            b"1e400", b"-1e400", b"1E+999999999", b"1e-999999999", b"9" * 4_000, b"9" * 5_000, b"-" + b"9" * 50,
            b"0" * 100, b"0x10", b"1.", b".5", b"+1", b"1e", b"NaN", b"Infinity", b"-Infinity", b"1.0",
            b"9223372036854775808", b"18446744073709551616", b"1" + b"0" * 300, b"0." + b"1" * 20_000,
        )
    )  # fmt: skip


def _text(chance: random.Random) -> bytes:
    return chance.choice(
        (
            b'"\\ud800"', b'"\\udc00\\ud800"', b'"\\u0000"', b'"\x00"', b'"\xff\xfe"', b'"\xc0\xaf"', b'"\xed\xa0\x80"',
            b'"\xf4\x90\x80\x80"', b'"\\x41"', b'"\\u12"', b'"' + b"A" * 200_000 + b'"', b'"\n"', b'"\\"',
            b'"%s%n%d{0}{}$(x)`"', b'"\xe2\x80\xae\xe2\x80\x8b"', b'"\x1b[2J"', b"'single'", b'"\\ud83d\\ude00"',
        )
    )  # fmt: skip


def _other(chance: random.Random) -> bytes:
    return chance.choice((b"null", b"true", b"[]", b"{}", b"[[]]", b'{"a":{"a":[]}}', b"[null,null]", b'""'))


def value(chance: random.Random) -> bytes:
    """Any JSON value, or what only looks like one."""
    return chance.choice((_deep, _number, _number, _text, _text, _other))(chance)


def _joined(members: list[tuple[bytes, bytes]]) -> bytes:
    return b"{" + b",".join(name + b":" + what for name, what in members) + b"}"


def _key_url(chance: random.Random, where: Addresses) -> str:
    host = where.connectwise.removeprefix("http://")
    port, foreign = host.rpartition(":")[2], where.foreign.removeprefix("http://")
    path = "/v4_6_release//system/callbackkey/index.rails?companyName=acme&id="
    return chance.choice(
        (
            f"{where.foreign}{path}1", f"{where.foreign}", f"http://{host}@{foreign}{path}2",
            f"http://{foreign}#{host}{path}", f"http://{foreign}\\@{host}{path}", f"//{foreign}{path}",
            f"HTTP://{foreign}{path}3", f"https://{foreign}{path}4", f"http://localhost:{port}{path}5",
            f"http://0:{port}{path}6", f"http://[::1]:{port}{path}7", f"http://2130706433:{port}{path}8",
            f"http://user:pass@{host}{path}9", f"https://na.myconnectwise.net.evil.example{path}",
            f"https://evilmyconnectwise.net{path}", f"https://na.myconnectwise.net:8443{path}",
            f"http://{host}\r\nHost: {foreign}{path}", f"http://{foreign}\t{path}", "file:///etc/passwd",
            "gopher://127.0.0.1:1/", "data:,x", "http://", "http://[", "https://xn--\ud800.example/", "\x00",
            f"{where.connectwise}{path}{chance.randrange(10**6)}&companyName=other",
        )
    )  # fmt: skip


class Maker:
    """Makes deliveries; the same seed gives the same ones."""

    def __init__(self, seed: int, where: Addresses, client_state: str, company: str) -> None:
        self.chance, self.where = random.Random(seed), where
        self.client_state, self.company = client_state, company
        self.genuine: set[str] = set()
        self._number = 0

    def callback(self) -> Delivery:
        """One request to the hook of ConnectWise."""
        kinds: tuple[Callable[[], Delivery], ...] = (
            self._genuine, self._forged, self._tortured, self._tortured, self._replaced_key, self._noise, self._cut,
            self._large, self._encoded,
        )  # fmt: skip
        return self.chance.choice(kinds)()

    def _content(self, record: int, **changes: Any) -> dict[str, Any]:
        key = f"{self.where.connectwise}/v4_6_release//system/callbackkey/index.rails?companyName=acme&id=1"
        content = {"MessageId": f"m{self._number}", "ID": record, "Type": "company", "Action": "updated"}
        return content | {"CompanyId": "acme", "Entity": "{}", "Metadata": {"key_url": key}} | changes

    def _forged_id(self) -> int:
        self._number += 1
        return FORGED_ID + self._number

    def _genuine(self) -> Delivery:
        self._number += 1
        self.genuine.add(str(self._number))
        return Delivery("genuine", json.dumps(self._content(self._number)).encode(), "own")

    def _forged(self) -> Delivery:
        """Nobody's signature; half of them name a key address of ConnectWise that was never seen before."""
        content = self._content(self._forged_id())
        if self.chance.random() < 0.5:
            content["Metadata"]["key_url"] += str(self._number)
        return Delivery(
            "forged", json.dumps(content).encode(), self.chance.choice(("none", "wrong", "garbage"))
        )

    def _tortured(self) -> Delivery:
        """Genuine but for one member, which is hostile, missing, or there twice. Half of them are even signed."""
        signed = self.chance.choice(("own", "none", "wrong"))
        content = self._content(self._forged_id())
        members = [(json.dumps(name).encode(), json.dumps(what).encode()) for name, what in content.items()]
        at = self.chance.randrange(len(members))
        name, what = members[at]
        if signed == "own" and name != b'"ID"':
            # What the right key signed may be taken, whatever else stands in it.
            self.genuine.add(str(content["ID"]))
        match self.chance.randrange(4):
            case 0:
                members[at] = (name, value(self.chance))
            case 1:
                members.insert(at, (name, value(self.chance)))
            case 2:
                members.append((name, value(self.chance)))
            case 3:
                members[at] = (value(self.chance), what)
        if signed == "own":
            self.genuine.add(str(content["ID"]))
        return Delivery("tortured", _joined(members), signed)

    def _replaced_key(self) -> Delivery:
        metadata = {"key_url": _key_url(self.chance, self.where)}
        body = json.dumps(self._content(self._forged_id(), Metadata=metadata)).encode()
        return Delivery("foreign key", body, self.chance.choice(("none", "wrong", "garbage")))

    def _noise(self) -> Delivery:
        return Delivery("noise", self.chance.randbytes(self.chance.randint(0, 400)), "garbage")

    def _cut(self) -> Delivery:
        body = json.dumps(self._content(self._forged_id())).encode()
        return Delivery("cut", body[: self.chance.randrange(len(body))], self.chance.choice(("own", "none")))

    def _large(self) -> Delivery:
        size = HUGE if self.chance.random() < 0.05 else LARGE
        body = json.dumps(self._content(self._forged_id(), Entity="x" * size)).encode()
        return Delivery("too large", body, self.chance.choice(("own", "none")))

    def _encoded(self) -> Delivery:
        text = json.dumps(self._content(self._forged_id()))
        encoded = self.chance.choice(("utf-8-sig", "utf-16", "utf-32", "utf-16-le", "utf-7"))
        return Delivery("other encoding", text.encode(encoded), "none")

    def notification(self) -> Delivery:
        """One request to the hook of Business Central; ``own`` carries the right client state."""
        kind = self.chance.randrange(6)
        if kind == 0:
            token = self.chance.choice(
                ("abc", "%ED%A0%80", "%00", "%0d%0aSet-Cookie:x", "%F0%9F%98%80", "x" * 4_000)
            )
            return Delivery("handshake", b"", query=f"validationToken={token}")
        if kind == 1:
            return Delivery("noise", self.chance.choice((value(self.chance), self.chance.randbytes(200))))
        own = self.chance.random() < 0.3
        self._number += 1
        guid = f"{'a0000000-0000-4000-8000-' if own else FORGED_GUID}{self._number:012d}"
        row = {
            "subscriptionId": "s",
            "clientState": self.client_state
            if own
            else self.chance.choice(("", "wrong", "\ud800", "x" * 1000)),
            "resource": f"api/v2.0/companies({self.company})/salesInvoices({guid})",
            "changeType": "updated",
        }
        members = [(json.dumps(name).encode(), json.dumps(what).encode()) for name, what in row.items()]
        if self.chance.random() < 0.7:
            at = self.chance.randrange(len(members))
            if at == 1:
                # A hostile client state is none, and of two the last one counts.
                own = False
                members[at] = (members[at][0], value(self.chance))
            else:
                members[at] = (members[at][0], value(self.chance))
        rows = b",".join([_joined(members)] * self.chance.choice((1, 1, 1, 40)))
        body = b'{"value":[' + rows + b"]}"
        if self.chance.random() < 0.05:
            body += b" " * (HUGE // 2)
        if own:
            self.genuine.add(guid)
        return Delivery("notification", body)
