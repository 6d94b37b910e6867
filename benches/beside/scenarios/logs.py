"""A million lines of output: merged by time, beside reading the same streams raw from the engine."""

import subprocess
import time

from ..bench import BUSYBOX, Quantity, Row, Series, ratio_at_most
from ..tools import CommandFailed, Sample

SERVICES = 4
LINE = "2026-01-31T12:00:00Z INFO request served in 12 ms trace=4bf92f3577b34da6a3ce929d0e0e4736 status=200"


# Why the goal isn't met, where it isn't.
NOTE = (
    "Every line is stamped, compared with those of the other streams and written by itself, and the static binary's "
    "allocator (musl's) costs a part of that. With mimalloc in its place the ratio came to 1.23 on a busy machine, but "
    "memory to 35 MB here and to 0.47 of Compose's at a cold start, which has a goal of its own: so it isn't used."
)


def measure(bench):
    """Writes the lines once, then reads them in rounds."""
    bench.needs_images(BUSYBOX)
    each = 5_000 if bench.quick else 250_000
    total = SERVICES * each
    file = bench.file("logs.yaml", _stack(each))
    vv, compose, raw, few = Series(), Series(), Series(), Series()
    with bench.project("logs") as project:
        bench.say(f"  writing {total:,} lines")
        bench.run(bench.vv, project, [file], bench.vv.START)
        _is_complete(bench, project, file, total)
        ids = [container["Id"] for container in bench.engine.containers(project)]

        def read(tool, *more):
            return bench.run(tool, project, [file], [*tool.LOGS, *more], stdout=subprocess.DEVNULL)

        for _ in bench.each_round():
            vv.samples.append(bench.told("vv: all lines", read(bench.vv)))
            raw.samples.append(bench.told("raw: all lines", _raw(bench.engine.socket, ids)))
            compose.samples.append(bench.told("docker compose: all lines", read(bench.compose)))
            few.samples.append(bench.told("vv: a tenth of the lines", read(bench.vv, "--tail", str(each // 10))))
    what = f"logs, {total:,} lines of {SERVICES} services"
    return [
        Row(what, vv.seconds(), raw.seconds("the same streams raw"), ratio_at_most(1.1), NOTE),
        Row(what, vv.seconds(), compose.seconds("`logs`")),
        Row(f"{what}: peak memory", vv.peak(), few.peak("vv with a tenth of the lines"), ratio_at_most(1.25, "flat (≤ 1.25)")),
        Row(f"{what}: peak memory", vv.peak(), compose.peak("`logs`")),
    ]


def _is_complete(bench, project, file, total):
    """Fails unless vv shows every line: reading fewer would be quick, too."""
    command = [*bench.vv.stack(project, file), *bench.vv.LOGS]
    with subprocess.Popen(command, cwd=bench.work, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as reader:
        lines = sum(data.count(b"\n") for data in iter(lambda: reader.stdout.read1(1 << 20), b""))
    if lines != total:
        raise CommandFailed(f"vv logs shows {lines:,} lines of {total:,}")


def _raw(socket, ids):
    """Reads the streams at once, with the times that merging needs, and throws them away."""
    begun = time.perf_counter()
    readers = [
        subprocess.Popen(
            ["curl", "-fsS", "--unix-socket", socket, "-o", "/dev/null",
             f"http://engine/containers/{container}/logs?stdout=1&stderr=1&timestamps=1"]
        )
        for container in ids
    ]  # fmt: skip
    if any([reader.wait() for reader in readers]):
        raise CommandFailed("curl could not read a container's output from the engine")
    return Sample(time.perf_counter() - begun, 0)


def _stack(each):
    """Services that write their lines, and are healthy when they have."""
    lines = ["services:"]
    for number in range(1, SERVICES + 1):
        lines += [
            f"  s{number}:",
            f"    image: {BUSYBOX}",
            f"    command: [sh, -c, 'yes \"{LINE}\" | head -n {each}; touch /tmp/written; sleep 100000']",
            "    stop_signal: SIGKILL",
            "    healthcheck: {test: [CMD, test, -e, /tmp/written], interval: 2s, retries: 300}",
        ]
    return "\n".join(lines) + "\n"
