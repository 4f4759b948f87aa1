"""Thousands of desk phones on one UDP socket: each has an address of its own in 127/8, registers, answers OPTIONS.

They are an open loop: a registration begins when it is due, whatever became of those before it, and nothing is sent
twice, so that what a registrar loses is seen.
"""

from __future__ import annotations

import hashlib
import re
import selectors
import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, field

__all__ = ["FIRST", "PASSWORD", "Phones", "Run", "secret"]

PASSWORD = "blue-kettle-7919"
FIRST = 100000
"""The number of the first phone."""

_WAIT = 4.0
_BUFFER = 8 << 20
_PKTINFO = 8
"""IP_PKTINFO of Linux: the address that a datagram leaves from or came to (ip(7))."""
_NONCE = re.compile(rb'nonce="([^"]+)"[^\r]*')
_BRANCH = re.compile(rb"branch=z9hG4bK(\d+)\.(\d+)\.")
_ECHOED = re.compile(rb"^(?:Via|From|Call-ID|CSeq): [^\r]*\r\n", re.MULTILINE)
_TO = re.compile(rb"^To: ([^\r]*)\r\n", re.MULTILINE)


def secret(number: str, realm: str, algorithm: str) -> str:
    """The HA1 of a phone."""
    return _hash(algorithm)(f"{number}:{realm}:{PASSWORD}".encode()).hexdigest()


def _hash(algorithm: str) -> Callable[[bytes], hashlib._Hash]:
    return hashlib.md5 if algorithm == "MD5" else hashlib.sha256


@dataclass(slots=True)
class Run:
    """What became of the registrations of one run. Times in seconds."""

    begun: int = 0
    done: int = 0
    refused: int = 0
    asked: int = 0
    """OPTIONS that were answered."""
    took: float = 0.0
    delays: list[float] = field(default_factory=list)
    """From a phone's first REGISTER to its 200."""
    lags: list[float] = field(default_factory=list)
    """By how much the phones themselves were late to begin."""

    @property
    def lost(self) -> int:
        """Registrations that never came to an end."""
        return self.begun - self.done - self.refused


class Phones:
    """So many phones of one registrar. They share a port, and are told apart by their addresses."""

    def __init__(self, count: int, server: tuple[str, int], *, realm: str, algorithm: str, expires: int) -> None:
        self._count = count
        self._server = server
        self._realm = realm
        self._algorithm = algorithm
        self._expires = expires
        self._cseq = [0] * count
        self._begun: dict[int, float] = {}
        self._shown: set[int] = set()
        hash = _hash(algorithm)
        self._secrets = [secret(str(FIRST + n), realm, algorithm) for n in range(count)]
        self._a2 = hash(f"REGISTER:sip:{realm}".encode()).hexdigest()
        self._hosts = [f"127.{1 + (n >> 16)}.{n >> 8 & 255}.{n & 255}" for n in range(count)]
        self._sources = [
            [(socket.IPPROTO_IP, _PKTINFO, struct.pack("=I4s4s", 0, socket.inet_aton(host), bytes(4)))]
            for host in self._hosts
        ]
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        self._socket.setsockopt(socket.IPPROTO_IP, _PKTINFO, 1)
        self._socket.setblocking(False)
        self._socket.bind(("0.0.0.0", 0))
        self._port = int(self._socket.getsockname()[1])
        self._ready = selectors.DefaultSelector()
        self._ready.register(self._socket, selectors.EVENT_READ)
        self._next = 0

    def close(self) -> None:
        """Be gone, without a word."""
        self._ready.close()
        self._socket.close()

    def register(self, rate: float, seconds: float) -> Run:
        """Let one phone after the other register, ``rate`` a second; wait a while for the last ones."""
        run = Run()
        self._begun.clear()
        total, start = int(rate * seconds), time.perf_counter()
        while run.begun < total:
            now = time.perf_counter()
            while run.begun < total and start + run.begun / rate <= now:
                run.lags.append(now - (start + run.begun / rate))
                self._begin(run)
                now = time.perf_counter()
            self._listen(run, start + run.begun / rate)
        run.took = time.perf_counter() - start
        end = time.perf_counter() + _WAIT
        while self._begun and time.perf_counter() < end:
            self._listen(run, end)
        return run

    def wait(self, seconds: float) -> Run:
        """Do nothing but answer."""
        run, end = Run(took=seconds), time.perf_counter() + seconds
        while time.perf_counter() < end:
            self._listen(run, end)
        return run

    def _begin(self, run: Run) -> None:
        phone, self._next = self._next, (self._next + 1) % self._count
        self._cseq[phone] += 1
        self._shown.discard(phone)
        self._begun[phone] = time.perf_counter()
        run.begun += 1
        self._send(self._request(phone), phone)

    def _send(self, data: bytes, phone: int) -> None:
        self._socket.sendmsg([data], self._sources[phone], 0, self._server)

    def _listen(self, run: Run, until: float) -> None:
        """Take what has come; where nothing has, wait for it no longer than that."""
        taken = 0
        while taken < 64:
            try:
                data, ancillary, _, _ = self._socket.recvmsg(4096, 64)
            except BlockingIOError:
                break
            taken += 1
            self._received(data, ancillary[0][2], run)
        if not taken:
            self._ready.select(max(0.0, until - time.perf_counter()))

    def _received(self, data: bytes, info: bytes, run: Run) -> None:
        if data.startswith(b"OPTIONS "):
            run.asked += 1
            self._socket.sendmsg([_present(data)], [(socket.IPPROTO_IP, _PKTINFO, _back(info))], 0, self._server)
            return
        found = _BRANCH.search(data)
        if found is None:
            return
        phone, cseq = int(found[1]), int(found[2])
        begun = self._begun.get(phone)
        if begun is None or cseq != self._cseq[phone]:
            return
        status = data[8:11]
        challenge = self._challenge(data) if status == b"401" and phone not in self._shown else None
        if challenge is not None:
            self._shown.add(phone)
            self._cseq[phone] += 1
            self._send(self._request(phone, challenge), phone)
        elif status == b"200":
            del self._begun[phone]
            run.done += 1
            run.delays.append(time.perf_counter() - begun)
        else:
            del self._begun[phone]
            run.refused += 1

    def _challenge(self, data: bytes) -> str | None:
        """The nonce of the challenge for our algorithm."""
        own = f"algorithm={self._algorithm}".encode()
        return next((found[1].decode() for found in _NONCE.finditer(data) if own in found[0]), None)

    def _request(self, phone: int, nonce: str = "") -> bytes:
        number, host, cseq = FIRST + phone, self._hosts[phone], self._cseq[phone]
        login = self._login(phone, nonce) if nonce else ""
        return (
            f"REGISTER sip:{self._realm} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP {host}:{self._port};branch=z9hG4bK{phone}.{cseq}.8f2c1d;rport\r\n"
            f"Contact: <sip:{number}@{host}:{self._port}>;expires={self._expires};"
            f'+sip.instance="<urn:uuid:00000000-0000-4000-8000-{number:012x}>"\r\n'
            f"Max-Forwards: 70\r\n"
            f"To: <sip:{number}@{self._realm}>\r\n"
            f"From: <sip:{number}@{self._realm}>;tag={number:x}{cseq:08x}\r\n"
            f"Call-ID: {number:x}-5d1a@{host}\r\n"
            f"CSeq: {cseq} REGISTER\r\n"
            f"User-Agent: Desk Phone/4.2.1\r\n"
            f"Supported: gruu, path\r\n"
            f"Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, NOTIFY, SUBSCRIBE, INFO, MESSAGE, UPDATE, REFER\r\n"
            f"{login}"
            f"Content-Length: 0\r\n\r\n"
        ).encode()

    def _login(self, phone: int, nonce: str) -> str:
        text = f"{self._secrets[phone]}:{nonce}:00000001:0a4f113b:auth:{self._a2}"
        response = _hash(self._algorithm)(text.encode()).hexdigest()
        return (
            f'Authorization: Digest username="{FIRST + phone}", realm="{self._realm}", nonce="{nonce}", '
            f'uri="sip:{self._realm}", response="{response}", algorithm={self._algorithm}, cnonce="0a4f113b", '
            f"qop=auth, nc=00000001\r\n"
        )


def _back(info: bytes) -> bytes:
    """The address that a datagram came to as the one to answer from."""
    return struct.pack("=I4s4s", 0, info[8:12], bytes(4))


def _present(options: bytes) -> bytes:
    """200 to OPTIONS."""
    to = _TO.search(options)
    assert to is not None
    echoed = b"".join(_ECHOED.findall(options))
    return b"SIP/2.0 200 OK\r\n" + echoed + b"To: " + to[1] + b";tag=d1\r\nContent-Length: 0\r\n\r\n"
