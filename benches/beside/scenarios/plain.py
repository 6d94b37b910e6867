"""Plain services without dependencies or health checks: cold start, nothing to do, down; time, memory, calls."""

import time

from ..bench import BUSYBOX, Quantity, Row, Series, ratio_at_most, value_at_most
from ..calls import CountingProxy
from ..engine import PROJECT, in_parallel
from ..tools import Sample

SERVICES = 8
# Ends at once on SIGTERM, so that `down` measures the tools and not the grace period.
COMMAND = ["sh", "-c", "trap 'exit 0' TERM; sleep 100000 & wait"]


# Why these goals aren't met, where they aren't.
COLD = (
    "vv stays until every container has run for 150 ms and has been inspected: one that ends at once isn't started. "
    "The calls by hand look at nothing."
)
AGAIN = (
    "Both make the same five calls, and the engine's answers take most of the time. `up -d` doesn't ask whether "
    "anything is ready; against `up -d --wait`, which does, see the next row."
)


def measure(bench):
    """Rounds of vv, the same calls by hand, and Compose; then once more each, counting calls."""
    bench.needs_images(BUSYBOX)
    file = bench.file("plain.yaml", _stack())
    vv, compose, hand = _Times(), _Times(), Series()
    for _ in bench.each_round():
        _round(bench, bench.vv, [file], bench.vv.START, vv)
        with bench.project("hand") as project:
            hand.samples.append(bench.told("by hand: cold", _by_hand(bench.engine, project)))
        _round(bench, bench.compose, [file], bench.compose.START, compose)
    calls = [_calls(bench, tool, file) for tool in (bench.vv, bench.compose)]

    what = f"{SERVICES} plain services"
    up, wait = "`up -d`", "`up -d --wait`"
    half = ratio_at_most(1 / 2, "≤ 1/2")
    return [
        Row(f"{what}: cold start", vv.cold.seconds(), hand.seconds("same calls by hand, in parallel"), ratio_at_most(1.1), COLD),
        Row(f"{what}: cold start", vv.cold.seconds(), compose.cold.seconds(up)),
        Row(f"{what}: nothing to do", vv.again.seconds(), compose.again.seconds(up), half, AGAIN),
        Row(f"{what}: nothing to do", vv.again.seconds(), compose.waiting.seconds(wait), half),
        Row(f"{what}: down", vv.down.seconds(), compose.down.seconds("`down`")),
        Row(f"{what}: peak memory of a cold start", vv.cold.peak(), compose.cold.peak(up), ratio_at_most(1 / 3, "≤ 1/3")),
        Row(f"{what}: engine calls of a cold start", *(Quantity((cold,), "calls") for cold, _ in calls)),
        Row(
            f"{what}: engine calls with nothing to do",
            *(Quantity((again,), "calls") for _, again in calls),
            value_at_most(5, "≤ 5"),
        ),
    ]


class _Times:
    def __init__(self):
        self.cold, self.again, self.waiting, self.down = Series(), Series(), Series(), Series()


def _round(bench, tool, files, start, times):
    with bench.project("plain") as project:
        run = lambda what, words: bench.told(f"{tool.name}: {what}", bench.run(tool, project, files, words))
        times.cold.samples.append(run("cold", start))
        for _ in range(5):
            times.again.samples.append(run("nothing to do", start))
        if tool is bench.compose:
            for _ in range(3):
                times.waiting.samples.append(run("nothing to do, waiting", tool.START_AND_WAIT))
        times.down.samples.append(run("down", ["down"]))


def _calls(bench, tool, file):
    """How many calls a cold start and one with nothing to do make."""
    counts = []
    with bench.project("calls") as project:
        for _ in range(2):
            with CountingProxy(bench.engine.socket, bench.work) as proxy:
                bench.run(tool, project, [file], tool.START, env=proxy.environment)
                counts.append(len(proxy.requests))
    bench.say(f"  {tool.name}: {counts[0]} calls cold, {counts[1]} with nothing to do")
    return counts


def _by_hand(engine, project):
    """What a cold start can't do without: a network, and each container made and started, all at once."""
    labels = {PROJECT: project}
    begun = time.perf_counter()
    network = f"{project}_default"
    engine.call("POST", "/networks/create", {"Name": network, "CheckDuplicate": True, "Driver": "bridge", "Labels": labels})

    def start(number):
        body = {
            "Image": BUSYBOX,
            "Cmd": COMMAND,
            "Labels": labels,
            "HostConfig": {"NetworkMode": network},
            "NetworkingConfig": {"EndpointsConfig": {network: {"Aliases": [f"s{number}"]}}},
        }
        made = engine.call("POST", f"/containers/create?name={project}-s{number}-1", body)
        engine.call("POST", f"/containers/{made['Id']}/start")

    in_parallel(start, range(1, SERVICES + 1))
    return Sample(time.perf_counter() - begun, 0)


def _stack():
    lines = ["services:"]
    for number in range(1, SERVICES + 1):
        lines += [f"  s{number}:", f"    image: {BUSYBOX}", f"    command: {COMMAND!r}"]
    return "\n".join(lines) + "\n"
