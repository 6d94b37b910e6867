"""Counts, times and repeats the requests that a client sends to Kong's Admin API: a proxy between them."""

import collections
import concurrent.futures
import re
import shlex
import socket
import threading
import time
from dataclasses import dataclass

WRITES = ("POST", "PUT", "PATCH", "DELETE")
# As many as vv sends at once.
CONNECTIONS = 16


@dataclass(frozen=True)
class Exchange:
    """A request and its answer."""

    method: str
    path: str
    body: bytes
    status: int
    begun: float
    ended: float

    @property
    def is_write(self):
        """Whether it changes something."""
        return self.method in WRITES and not self.path.startswith("/schemas")

    @property
    def is_page(self):
        """Whether it reads a page of a collection's entities."""
        return self.method == "GET" and "size=" in self.path


class AdminProxy:
    """Listens on a port of its own, passes everything on to the Admin API, and notes each exchange."""

    def __init__(self, admin_port):
        self.exchanges = []
        self._admin = ("127.0.0.1", admin_port)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._listener.close()

    def forget(self):
        """What was exchanged so far no longer counts."""
        self.exchanges.clear()

    def writes(self):
        """What was written, in the order in which it was answered: what is referred to comes first."""
        return sorted((e for e in self.exchanges if e.is_write), key=lambda exchange: exchange.ended)

    def pages(self):
        """How many pages were read, and how many of the collection that had the most."""
        pages = [exchange for exchange in self.exchanges if exchange.is_page]
        per_collection = collections.Counter(exchange.path.partition("?")[0] for exchange in pages)
        return len(pages), max(per_collection.values(), default=0)

    def round_trips(self):
        """How often something was asked and the answer waited for: exchanges that overlap are one."""
        count, until = 0, 0.0
        for exchange in sorted(self.exchanges, key=lambda exchange: exchange.begun):
            count += exchange.begun >= until
            until = max(until, exchange.ended)
        return count

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        try:
            with client, socket.create_connection(self._admin) as admin:
                for end in (client, admin):
                    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                requests, answers = client.makefile("rb"), admin.makefile("rb")
                while request := _message(requests):
                    begun = time.perf_counter()
                    head, body = request
                    admin.sendall(head + body)
                    method, path, _ = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ")
                    answer = _message(answers, bodiless=method == "HEAD")
                    if not answer:
                        return
                    status = int(answer[0].split(b" ", 2)[1])
                    self.exchanges.append(Exchange(method, path, _plain(head, body), status, begun, time.perf_counter()))
                    client.sendall(answer[0] + answer[1])
        except OSError:
            return


def _message(reader, bodiless=False):
    """An HTTP/1.1 message as it came: its head, and its body."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        line = reader.readline()
        if not line:
            return None
        head += line
    if _is_chunked(head):
        body = b""
        while True:
            line = reader.readline()
            size = int(line.split(b";")[0], 16)
            body += line + reader.read(size + 2)
            if size == 0:
                return head, body
    length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    no_body = bodiless or re.match(rb"HTTP/1.1 (1|204|304)", head)
    return head, reader.read(int(length[1])) if length and not no_body else b""


def _is_chunked(head):
    return re.search(rb"(?i)\r\ntransfer-encoding: *chunked", head) is not None


def _plain(head, body):
    """A body without the lengths of its chunks."""
    if not _is_chunked(head):
        return body
    plain, rest = b"", body
    while rest:
        line, _, rest = rest.partition(b"\r\n")
        size = int(line.split(b";")[0], 16)
        plain, rest = plain + rest[:size], rest[size + 2 :]
    return plain


def by_curl(writes, admin_port):
    """A script with a curl for each write, as setup scripts have them; it fails with the first that is refused."""
    lines = ["#!/usr/bin/env bash", "set -euo pipefail"]
    for write in writes:
        words = ["curl", "-sS", "--fail", "-o", "/dev/null", "-X", write.method]
        words += ["-H", "Content-Type: application/json", "--data", write.body.decode()]
        lines.append(shlex.join([*words, f"http://127.0.0.1:{admin_port}{write.path}"]))
    return "\n".join(lines) + "\n"


def by_hand(writes, admin_port):
    """Sends the same writes over as many connections as vv has, one kind of entity after another; the seconds it took.

    What is sent is put together before, and nothing of the answers is read but their status, so that what is measured
    is the gateway.
    """
    levels = []
    for write in writes:
        kind = _kind(write.path)
        if not levels or levels[-1][0] != kind:
            levels.append((kind, []))
        levels[-1][1].append(_bytes(write, admin_port))
    local = threading.local()

    def send(request):
        if getattr(local, "connection", None) is None:
            local.connection = socket.create_connection(("127.0.0.1", admin_port))
            local.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            local.reader = local.connection.makefile("rb")
        local.connection.sendall(request)
        head, body = _message(local.reader)
        if not head.startswith((b"HTTP/1.1 200", b"HTTP/1.1 201", b"HTTP/1.1 204")):
            raise OSError(f"{request.splitlines()[0]}: {head.splitlines()[0]} {body}")

    with concurrent.futures.ThreadPoolExecutor(CONNECTIONS) as pool:
        begun = time.perf_counter()
        for _, requests in levels:
            list(pool.map(send, requests))
        return time.perf_counter() - begun


def _kind(path):
    """The collection that a write is for: the last word of its path that isn't an entity's id."""
    words = [word for word in path.partition("?")[0].split("/") if word and not re.fullmatch(r"[0-9a-f-]{36}", word)]
    return words[-1]


def _bytes(write, admin_port):
    head = f"{write.method} {write.path} HTTP/1.1\r\nHost: 127.0.0.1:{admin_port}\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(write.body)}\r\n\r\n".encode() + write.body
