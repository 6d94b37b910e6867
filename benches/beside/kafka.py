"""Counts and times the requests that a client sends to a Kafka broker: a proxy between them, which the broker advertises."""

import collections
import socket
import struct
import threading
import time
from dataclasses import dataclass

# https://kafka.apache.org/protocol#protocol_api_keys: those that topics take.
METADATA = 3
KINDS = {
    METADATA: "Metadata",
    18: "ApiVersions",
    19: "CreateTopics",
    20: "DeleteTopics",
    32: "DescribeConfigs",
    37: "CreatePartitions",
    44: "IncrementalAlterConfigs",
}
# What librdkafka begins each connection with, by itself: which versions, and who the brokers are.
GREETING = ("ApiVersions", "Metadata of no topic")


@dataclass(frozen=True)
class Exchange:
    """A request and its answer."""

    kind: str
    begun: float
    ended: float

    @property
    def seconds(self):
        """From the request's last byte here to the answer's."""
        return self.ended - self.begun


class KafkaProxy:
    """Listens on a port of its own, passes everything on to the broker, and notes each exchange."""

    def __init__(self, broker_port):
        self.exchanges = []
        self._broker = ("127.0.0.1", broker_port)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._listener.close()

    def forget(self):
        """What was exchanged so far no longer counts."""
        self.exchanges.clear()

    def kinds(self):
        """How many of each kind were exchanged."""
        return collections.Counter(exchange.kind for exchange in self.exchanges)

    def seconds(self, kind):
        """How long the broker took for all of one kind."""
        return sum(exchange.seconds for exchange in self.exchanges if exchange.kind == kind)

    def round_trips(self):
        """How often topics were asked for and the answer waited for: exchanges that overlap are one."""
        count, until = 0, 0.0
        asked = [exchange for exchange in self.exchanges if exchange.kind not in GREETING]
        for exchange in sorted(asked, key=lambda exchange: exchange.begun):
            count += exchange.begun >= until
            until = max(until, exchange.ended)
        return count

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                broker = socket.create_connection(self._broker)
            except OSError:
                client.close()
                continue
            for end in (client, broker):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            asked = {}
            threading.Thread(target=self._requests, args=(client, broker, asked), daemon=True).start()
            threading.Thread(target=self._answers, args=(broker, client, asked), daemon=True).start()

    def _requests(self, client, broker, asked):
        def note(frame):
            # Behind the length: the kind, its version, and a number that comes back in the answer.
            (number,) = struct.unpack_from("!i", frame, 8)
            asked[number] = (_kind(frame), time.perf_counter())

        _pass_on(client, broker, note)

    def _answers(self, broker, client, asked):
        def note(frame):
            (number,) = struct.unpack_from("!i", frame, 4)
            if question := asked.pop(number, None):
                self.exchanges.append(Exchange(*question, time.perf_counter()))

        _pass_on(broker, client, note)


def _kind(frame):
    """The kind of a request, from its header and, for Metadata, from the list of topics that follows."""
    key, version, _, name = struct.unpack_from("!hhih", frame, 4)
    body = frame[14 + max(name, 0) :]
    # From version 9 on there are tags first (none), and a list's length is one more; null is all topics.
    of_none = body[:2] == b"\0\1" if version >= 9 else body[:4] == b"\0\0\0\0"
    if key == METADATA and version > 0 and of_none:
        return "Metadata of no topic"
    return KINDS.get(key, f"kind {key}")


def _pass_on(source, target, note):
    """Passes frames on, each a length and as many bytes, and notes each before it goes."""
    reader = source.makefile("rb")
    try:
        while len(head := reader.read(4)) == 4:
            frame = head + reader.read(struct.unpack("!i", head)[0])
            note(frame)
            target.sendall(frame)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        target.close()
