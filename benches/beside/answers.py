"""Whether a system answers, asked in its own protocol: the independent witness of when a platform is up."""

import http.client
import socket
import struct
import threading
import time

TIMEOUT = 2


def http_ok(path, holds=lambda body: True):
    """Answers GET with 2xx and a body that `holds`."""

    def ask(host, port):
        connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return 200 <= answer.status < 300 and holds(answer.read())
        finally:
            connection.close()

    return ask


def says(request, holds):
    """Answers these bytes with some that hold."""

    def ask(host, port):
        with socket.create_connection((host, port), timeout=TIMEOUT) as connection:
            connection.sendall(request)
            return holds(connection.recv(64))

    return ask


def _startup(user):
    """PostgreSQL's first message, protocol 3.0."""
    body = struct.pack("!I", 196608) + b"user\0" + user + b"\0\0"
    return struct.pack("!I", len(body) + 4) + body


def _api_versions():
    """Kafka's ApiVersions, version 0, correlation 1, no client id."""
    body = struct.pack("!hhih", 18, 0, 1, -1)
    return struct.pack("!i", len(body)) + body


# Per service of the infrastructure: the port inside, and the question.
QUESTIONS = {
    "kong": (8001, http_ok("/status")),
    "konga": (1337, http_ok("/")),
    "consul": (8500, http_ok("/v1/status/leader", lambda body: len(body) > 4)),
    "jaeger": (16686, http_ok("/api/services")),
    # While it starts it answers 'E'; 'R' asks for the password.
    "postgres": (5432, says(_startup(b"valueverse"), lambda answer: answer[:1] == b"R")),
    "redis": (6379, says(b"PING\r\n", lambda answer: answer.startswith(b"+PONG"))),
    # Connection.Start is a method frame, type 1.
    "rabbitmq": (5672, says(b"AMQP\0\0\x09\x01", lambda answer: answer[:1] == b"\x01")),
    "kafka": (19092, says(_api_versions(), lambda answer: answer[4:8] == b"\0\0\0\x01")),
    "prometheus": (9090, http_ok("/-/ready")),
    "grafana": (3000, http_ok("/api/health")),
    "postgres-exporter": (9187, http_ok("/metrics")),
    "redis-exporter": (9121, http_ok("/metrics")),
}


class Witness:
    """Asks every service of a project, again and again, and notes when each first answers."""

    EVERY = 0.05  # seconds

    def __init__(self, engine, project):
        self.answered = {}
        self._engine, self._project = engine, project
        self._ended = threading.Event()
        self._addresses = {}
        self._threads = [threading.Thread(target=self._find, daemon=True)]
        self._threads += [threading.Thread(target=self._ask, args=(name,), daemon=True) for name in QUESTIONS]

    def __enter__(self):
        self._begun = time.perf_counter()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def slowest(self):
        """The service that answered last, and after how many seconds."""
        return max(self.answered.items(), key=lambda item: item[1])

    def missing(self):
        """Services that never answered."""
        return sorted(set(QUESTIONS) - set(self.answered))

    def _find(self):
        """Each running container's own address: asked there, nothing in between can answer for it."""
        while not self._ended.is_set() and len(self._addresses) < len(QUESTIONS):
            for container in self._engine.containers(self._project):
                service = container["Labels"].get("com.docker.compose.service")
                networks = (container.get("NetworkSettings") or {}).get("Networks") or {}
                addresses = [network["IPAddress"] for network in networks.values() if network.get("IPAddress")]
                if addresses:
                    self._addresses[service] = addresses[0]
            self._ended.wait(self.EVERY * 2)

    def _ask(self, service):
        port, question = QUESTIONS[service]
        while not self._ended.is_set():
            try:
                if service in self._addresses and question(self._addresses[service], port):
                    self.answered[service] = time.perf_counter() - self._begun
                    return
            except (OSError, http.client.HTTPException):
                pass
            self._ended.wait(self.EVERY)
