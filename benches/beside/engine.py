"""The container engine's API over its socket: for calls made by hand, for looking, and for cleaning up."""

import concurrent.futures
import http.client
import json
import os
import socket
import threading
import urllib.parse

PROJECT = "com.docker.compose.project"


class EngineError(Exception):
    """The engine can't be reached, or refused."""


class _Connection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("engine", timeout=120)
        self._path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Engine:
    """An engine on a local socket. Each thread keeps a connection of its own."""

    def __init__(self):
        host = os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"
        if not host.startswith("unix://"):
            raise EngineError(f"the benches need an engine on a local socket, and DOCKER_HOST is {host}")
        self.socket = host.removeprefix("unix://")
        self._local = threading.local()

    def call(self, method, path, body=None, ok=(200, 201, 204, 304)):
        """One call; its answer, parsed. Statuses outside `ok` are an error."""
        for attempt in (1, 2):
            fresh = getattr(self._local, "connection", None) is None
            if fresh:
                self._local.connection = _Connection(self.socket)
            try:
                text = None if body is None else json.dumps(body)
                self._local.connection.request(method, path, text, {"Content-Type": "application/json"})
                answer = self._local.connection.getresponse()
                data = answer.read()
                break
            except (OSError, http.client.HTTPException) as error:
                self._local.connection = None
                # A kept connection that the engine has closed meanwhile.
                if fresh or attempt == 2:
                    raise EngineError(f"{method} {path}: {error}") from error
        if answer.status not in ok:
            raise EngineError(f"{method} {path}: {answer.status} {data.decode(errors='replace').strip()}")
        return json.loads(data) if data.strip().startswith((b"{", b"[")) else None

    def has_image(self, name):
        """Whether an image is there."""
        answer = self.call("GET", f"/images/{urllib.parse.quote(name, safe='/:')}/json", ok=(200, 404))
        return "Id" in (answer or {})

    def containers(self, project):
        """A project's containers, as the engine lists them."""
        return self.call("GET", f"/containers/json?all=1&{_labelled(project)}")

    def remove(self, project):
        """Removes all that a project has: containers at once and by force, networks, volumes."""
        gone = (200, 204, 404, 409)
        in_parallel(
            lambda container: self.call("DELETE", f"/containers/{container['Id']}?force=1&v=1", ok=gone),
            self.containers(project),
        )
        for network in self.call("GET", f"/networks?{_labelled(project)}"):
            self.call("DELETE", f"/networks/{network['Id']}", ok=gone)
        for volume in self.call("GET", f"/volumes?{_labelled(project)}").get("Volumes") or []:
            self.call("DELETE", f"/volumes/{volume['Name']}?force=1", ok=gone)


def _labelled(project):
    return "filters=" + urllib.parse.quote(json.dumps({"label": [f"{PROJECT}={project}"]}))


def in_parallel(work, items):
    """Applies `work` to all items at once; the results in their order."""
    items = list(items)
    if not items:
        return []
    with concurrent.futures.ThreadPoolExecutor(len(items)) as pool:
        return list(pool.map(work, items))
