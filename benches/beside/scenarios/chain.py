"""A chain of services, each waiting until the one before is healthy; their health is checked every ten seconds."""

import time

from ..bench import BUSYBOX, Row, Series, ratio_at_most
from ..tools import CommandFailed


def measure(bench):
    """Starts the chain cold, and again with nothing to do; both tools wait until all is healthy."""
    bench.needs_images(BUSYBOX)
    length, interval = (3, 2) if bench.quick else (10, 10)
    file = bench.file("chain.yaml", _stack(length, interval))
    vv, compose = _Times(), _Times()
    # The peer's cold start alone takes minutes.
    for _ in bench.each_round(rounds=3):
        _round(bench, bench.vv, file, bench.vv.START, vv)
        _round(bench, bench.compose, file, bench.compose.START_AND_WAIT, compose)
    what = f"chain of {length} services, health checked every {interval} s"
    again, wait = compose.again.seconds("`up -d --wait`"), "`up -d --wait`"
    return [
        Row(f"{what}: cold start", vv.cold.seconds(), compose.cold.seconds(wait), ratio_at_most(1 / 20, "≤ 1/20")),
        Row(f"{what}: nothing to do", vv.again.seconds(), again, ratio_at_most(1 / 50, "≤ 1/50")),
        Row(f"{what}: again at once, before the engine's first checks", vv.at_once.seconds(), again),
    ]


class _Times:
    def __init__(self):
        self.cold, self.at_once, self.again = Series(), Series(), Series()


def _round(bench, tool, file, start, times):
    with bench.project("chain") as project:
        run = lambda what: bench.told(f"{tool.name}: {what}", bench.run(tool, project, [file], start))
        times.cold.samples.append(run("cold"))
        times.at_once.samples.append(run("again at once"))
        _until_healthy(bench.engine, project)
        for _ in range(3):
            times.again.samples.append(run("nothing to do"))


def _until_healthy(engine, project):
    """Waits for the engine's own verdicts: a tool that starts without them has more to find out."""
    ends = time.monotonic() + 60
    while not all("(healthy)" in container["Status"] for container in engine.containers(project)):
        if time.monotonic() > ends:
            raise CommandFailed("the engine didn't call every container healthy within a minute")
        time.sleep(0.1)


def _stack(length, interval):
    lines = ["services:"]
    for number in range(1, length + 1):
        lines += [
            f"  s{number}:",
            f"    image: {BUSYBOX}",
            "    command: [sleep, '100000']",
            "    stop_signal: SIGKILL",
            f"    healthcheck: {{test: [CMD, 'true'], interval: {interval}s}}",
        ]
        if number > 1:
            lines.append(f"    depends_on: {{s{number - 1}: {{condition: service_healthy}}}}")
    return "\n".join(lines) + "\n"
