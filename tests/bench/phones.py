"""Thousands of desk phones on one UDP socket: each has an address of its own in 127/8, registers, answers OPTIONS.

They are an open loop: a registration begins when it is due, whatever became of those before it. As phones do, they
send again what is not answered: after half a second, then after twice as long each time up to four (RFC 3261 section
17.1.2).
"""

from __future__ import annotations

import hashlib
import re
import selectors
import socket
import struct
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

__all__ = ["FIRST", "PASSWORD", "Phones", "Run", "secret"]

PASSWORD = "blue-kettle-7919"
FIRST = 100000
"""The number of the first phone."""

_WAIT = 32.0
_AGAIN = (0.5, 1.0, 2.0, 4.0)
_BUFFER = 8 << 20
_PKTINFO = 8
"""IP_PKTINFO of Linux: the address that a datagram leaves from or came to (ip(7))."""
_CHALLENGE = re.compile(rb'nonce="([^"]+)"[^\r]*?algorithm=([\w-]+)')
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
    again: int = 0
    """Requests that were sent once more."""
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


@dataclass(slots=True)
class _Login:
    """A registration in progress: when it began, what was sent last, and whether that showed the password."""

    begun: float
    cseq: int
    data: bytes
    shown: bool = False


class Phones:
    """So many phones of one registrar. They share a port, and are told apart by their addresses."""

    def __init__(self, count: int, server: tuple[str, int], *, realm: str, algorithm: str, expires: int) -> None:
        self._count = count
        self._server = server
        self._realm = realm
        self._algorithm = algorithm
        self._expires = expires
        self._cseq = [0] * count
        self._logins: dict[int, _Login] = {}
        self._waiting: list[deque[tuple[float, int, int, _Login]]] = [deque() for _ in _AGAIN]
        known = ("SHA-256", "MD5")
        self._secrets = {name: [secret(str(FIRST + n), realm, name) for n in range(count)] for name in known}
        self._a2 = {name: _hash(name)(f"REGISTER:sip:{realm}".encode()).hexdigest() for name in known}
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
        self._logins.clear()
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
        while self._logins and time.perf_counter() < end:
            self._listen(run, time.perf_counter() + 0.1)
        return run

    def wait(self, seconds: float) -> Run:
        """Do nothing but answer."""
        run, end = Run(took=seconds), time.perf_counter() + seconds
        while time.perf_counter() < end:
            self._listen(run, end)
        return run

    # Inside.

    def _begin(self, run: Run) -> None:
        phone, self._next = self._next, (self._next + 1) % self._count
        login = self._logins[phone] = _Login(time.perf_counter(), 0, b"")
        run.begun += 1
        self._ask(phone, login, "")

    def _ask(self, phone: int, login: _Login, answer: str) -> None:
        self._cseq[phone] += 1
        login.cseq, login.data, login.shown = self._cseq[phone], self._request(phone, answer), bool(answer)
        self._send(phone, login, 0)

    def _send(self, phone: int, login: _Login, time_sent: int) -> None:
        """Send what was sent last, once more where nothing answers in time."""
        self._socket.sendmsg([login.data], self._sources[phone], 0, self._server)
        step = min(time_sent, len(_AGAIN) - 1)
        self._waiting[step].append((time.perf_counter() + _AGAIN[step], login.cseq, phone, login))

    def _send_again(self, run: Run) -> None:
        now = time.perf_counter()
        for step, waiting in enumerate(self._waiting):
            while waiting and waiting[0][0] <= now:
                _, cseq, phone, login = waiting.popleft()
                if self._logins.get(phone) is login and login.cseq == cseq:
                    run.again += 1
                    self._send(phone, login, step + 1)

    def _listen(self, run: Run, until: float) -> None:
        """Take what has come; where nothing has, wait for it no longer than that."""
        self._send_again(run)
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
        login = self._logins.get(phone)
        if login is None or cseq != login.cseq:
            return
        status = data[8:11]
        if status == b"401" and not login.shown:
            self._ask(phone, login, self._answer(phone, data))
            return
        del self._logins[phone]
        if status == b"200":
            run.done += 1
            run.delays.append(time.perf_counter() - login.begun)
        else:
            run.refused += 1

    def _answer(self, phone: int, data: bytes) -> str:
        """The password shown to a challenge: to that for our algorithm where there is one, else to the first."""
        offered = list(_CHALLENGE.finditer(data))
        wanted = self._algorithm.encode()
        chosen = next((each for each in offered if each[2] == wanted), offered[0])
        return self._shown(phone, chosen[1].decode(), chosen[2].decode())

    def _request(self, phone: int, answer: str) -> bytes:
        number, host, cseq = FIRST + phone, self._hosts[phone], self._cseq[phone]
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
            f"{answer}"
            f"Content-Length: 0\r\n\r\n"
        ).encode()

    def _shown(self, phone: int, nonce: str, algorithm: str) -> str:
        text = f"{self._secrets[algorithm][phone]}:{nonce}:00000001:0a4f113b:auth:{self._a2[algorithm]}"
        response = _hash(algorithm)(text.encode()).hexdigest()
        return (
            f'Authorization: Digest username="{FIRST + phone}", realm="{self._realm}", nonce="{nonce}", '
            f'uri="sip:{self._realm}", response="{response}", algorithm={algorithm}, cnonce="0a4f113b", '
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
