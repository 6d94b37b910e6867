"""What every scenario works with: the tools, projects that are always removed, rounds, rows."""

import contextlib
import pathlib
import shutil
import statistics
import sys
import tempfile
from dataclasses import dataclass, field

from .engine import Engine
from .tools import Compose, Sample, Vv, measure

BUSYBOX = "localhost/vv-parts/busybox:1"


class Unfit(Exception):
    """Something that a scenario needs is missing; the message says what to do."""


@dataclass(frozen=True)
class Quantity:
    """What was measured, round by round. `unit`: s, B, or the name of what is counted."""

    values: tuple
    unit: str
    label: str = ""

    @property
    def median(self):
        """The middle of all rounds."""
        return statistics.median(self.values)


@dataclass(frozen=True)
class AtMost:
    """A goal: vv's own value, or its ratio to the other's, is at most `limit`."""

    limit: float
    text: str
    of_ratio: bool = True
    holds: bool = True  # what else the goal asks for


def ratio_at_most(limit, text=None):
    """vv's value is at most so many times the other's."""
    return AtMost(limit, text or f"≤ {limit:g}")


def value_at_most(limit, text, and_holds=True):
    """vv's value is at most this, in the quantity's unit, and something else holds."""
    return AtMost(limit, text, of_ratio=False, holds=and_holds)


@dataclass(frozen=True)
class Row:
    """A line of the table."""

    what: str
    vv: Quantity
    other: Quantity | None = None
    goal: AtMost | None = None
    note: str = ""

    @property
    def ratio(self):
        """vv's median over the other's."""
        return self.vv.median / self.other.median if self.other and self.other.median else None

    @property
    def met(self):
        """Whether the goal is met; None without one."""
        if self.goal is None:
            return None
        value = self.ratio if self.goal.of_ratio else self.vv.median
        return None if value is None else value <= self.goal.limit and self.goal.holds


@dataclass
class Series:
    """Samples of one thing, as they come in."""

    samples: list = field(default_factory=list)

    def seconds(self, label=""):
        """How long each took."""
        return Quantity(tuple(sample.seconds for sample in self.samples), "s", label)

    def peak(self, label=""):
        """How much memory each had at most."""
        return Quantity(tuple(sample.peak for sample in self.samples), "B", label)


class Bench:
    """One run of the benches."""

    def __init__(self, root, vv, compose, rounds, quick):
        self.root: pathlib.Path = root
        self.vv: Vv = vv
        self.compose: Compose = compose
        self.rounds, self.quick = rounds, quick
        self.engine = Engine()
        self.work = pathlib.Path(tempfile.mkdtemp(prefix="vv-bench-"))
        self._projects = []
        self._scenario = ""
        # The tools' own caches and locks, so that nothing of a run stays behind.
        for tool in (vv, compose):
            tool.environment |= {"XDG_RUNTIME_DIR": str(self.work), "XDG_CACHE_HOME": str(self.work / "cache")}

    def close(self):
        """Removes everything that any scenario made. Safe to call twice."""
        while self._projects:
            self.engine.remove(self._projects.pop())
        shutil.rmtree(self.work, ignore_errors=True)

    @contextlib.contextmanager
    def scenario(self, name):
        """Names what is being measured, for progress."""
        self._scenario = name
        yield
        self._scenario = ""

    @contextlib.contextmanager
    def project(self, name):
        """A project name that nobody else uses; whatever is in it at the end is removed."""
        project = f"{self.work.name.lower().replace('_', '-')}-{name}"
        self._projects.append(project)
        try:
            yield project
        finally:
            self.engine.remove(project)
            self._projects.remove(project)

    def file(self, name, text):
        """Writes a file that this run needs."""
        path = self.work / name
        path.write_text(text)
        return path

    def run(self, tool, project, files, words, *, env=None, stdout=None, timeout=900):
        """Measures one command of a tool on a stack."""
        command = [*tool.stack(project, *files), *words]
        return measure(
            command,
            env={**tool.environment, **(env or {})},
            cwd=self.work,
            log=self.work / "command.log",
            stdout=stdout,
            timeout=timeout,
        )

    def each_round(self, rounds=None):
        """The rounds' numbers, from 1, told on stderr."""
        rounds = 1 if self.quick else min(rounds or self.rounds, self.rounds)
        for number in range(1, rounds + 1):
            self.say(f"round {number} of {rounds}")
            yield number

    def needs_images(self, *names):
        """Fails when the engine lacks an image."""
        missing = [name for name in names if not self.engine.has_image(name)]
        if missing:
            raise Unfit(f"the engine lacks {', '.join(missing)}; `make parts` builds them")

    def say(self, text):
        """Progress."""
        print(f"{self._scenario:<8} {text}", file=sys.stderr, flush=True)

    def told(self, what, sample: Sample):
        """Notes one sample in the progress; returns it."""
        self.say(f"  {what:<34} {sample.seconds:8.3f} s {sample.peak / 1e6:7.1f} MB")
        return sample
