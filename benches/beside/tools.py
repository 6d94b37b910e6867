"""The tools that are measured, and the measuring of one command."""

import os
import pathlib
import signal
import subprocess
import sys
from dataclasses import dataclass, field

CHILD = pathlib.Path(__file__).with_name("child.py")


class CommandFailed(Exception):
    """A measured command didn't do its work; a time without the work would be a lie."""


@dataclass(frozen=True)
class Sample:
    """What one run of a command cost."""

    seconds: float
    peak: int  # bytes


def measure(command, *, env=None, cwd=None, log, stdout=None, timeout=600):
    """Runs a command to its successful end. Its stderr, and unless `stdout` is given its stdout, go to `log`."""
    reader, writer = os.pipe()
    with open(log, "wb") as output, open(reader, "rb") as report:
        child = subprocess.Popen(
            [sys.executable, "-I", "-S", str(CHILD), str(writer), *map(str, command)],
            env={**os.environ, **(env or {})},
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=stdout or output,
            stderr=output,
            pass_fds=[writer],
            start_new_session=True,
        )
        os.close(writer)
        try:
            child.wait(timeout)
        except BaseException as error:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
            if isinstance(error, subprocess.TimeoutExpired):
                raise CommandFailed(_told(command, f"took more than {timeout} s", log)) from None
            raise
        answer = report.read().decode().split()
    if len(answer) != 3:
        raise CommandFailed(_told(command, "could not be run", log))
    seconds, peak, code = float(answer[0]), int(answer[1]), int(answer[2])
    if code != 0:
        raise CommandFailed(_told(command, f"exited {code}", log))
    return Sample(seconds, peak * 1024)


def _told(command, what, log):
    tail = pathlib.Path(log).read_text(errors="replace").splitlines()[-15:]
    return "\n  ".join([f"{' '.join(map(str, command))} {what}", *tail])


@dataclass
class Tool:
    """A tool that starts stacks; `name` is what tables call it."""

    name: str
    binary: pathlib.Path
    version: str
    environment: dict = field(default_factory=dict)

    def stack(self, project, *files):
        """The beginning of a command line that works on a stack."""
        options = [word for file in files for word in ("-f", file)]
        return [self.binary, *options, "-p", project]


class Vv(Tool):
    """vv itself."""

    START = ["start"]
    LOGS = ["logs"]


class Compose(Tool):
    """docker compose, as a program of its own (without docker's start-up in front)."""

    START = ["up", "-d"]
    START_AND_WAIT = ["up", "-d", "--wait"]
    LOGS = ["logs", "--no-color"]


def version_of(binary, *arguments):
    """What a tool says of its version: the first line's last word."""
    answer = subprocess.run([binary, *arguments], capture_output=True, text=True, check=True).stdout
    return answer.splitlines()[0].split()[-1]
