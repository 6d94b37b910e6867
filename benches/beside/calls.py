"""Counts the calls that a tool makes: a proxy in front of the engine's socket."""

import os
import socket
import threading


class CountingProxy:
    """Listens on a socket of its own, passes everything on, and notes each request's method and path."""

    def __init__(self, engine_socket, folder):
        self.path = os.path.join(folder, "counting.sock")
        self.requests = []
        self._engine = engine_socket
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(self.path)
        self._listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._listener.close()
        os.unlink(self.path)

    @property
    def environment(self):
        """What a tool must be told to come through here."""
        return {"DOCKER_HOST": f"unix://{self.path}"}

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            engine = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            engine.connect(self._engine)
            threading.Thread(target=self._requests, args=(client, engine), daemon=True).start()
            threading.Thread(target=_pass_on, args=(engine, client), daemon=True).start()

    def _requests(self, client, engine):
        reader = client.makefile("rb")
        try:
            while self._one_request(reader, engine):
                pass
            # After an upgrade the connection is no longer HTTP.
            while data := reader.read1(65536):
                engine.sendall(data)
            engine.shutdown(socket.SHUT_WR)
        except OSError:
            engine.close()

    def _one_request(self, reader, engine):
        """Passes one request on; whether another may follow."""
        line = reader.readline()
        if not line:
            return False
        head, headers = [line], {}
        while (header := reader.readline()) not in (b"\r\n", b"\n", b""):
            head.append(header)
            name, _, value = header.decode("latin-1").partition(":")
            headers[name.strip().lower()] = value.strip().lower()
        self.requests.append(line.decode("latin-1").rsplit(" ", 1)[0])
        engine.sendall(b"".join(head) + b"\r\n")
        if headers.get("transfer-encoding") == "chunked":
            _pass_chunks(reader, engine)
        elif length := int(headers.get("content-length", 0)):
            engine.sendall(reader.read(length))
        return "upgrade" not in headers


def _pass_chunks(reader, engine):
    size = -1
    while size != 0:
        line = reader.readline()
        if not line:
            return
        size = int(line.split(b";")[0], 16)
        engine.sendall(line + reader.read(size + 2))


def _pass_on(source, target):
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        target.close()
