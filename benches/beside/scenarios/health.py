"""`vv health` of a whole platform, every deep check included: how much longer than its slowest check does it take?"""

import json

from ..bench import Quantity, Row, Series, ratio_at_most
from ..tools import CommandFailed
from .infra import OFFSET

TIMES = 10


def measure(bench):
    """ValueVerse once, with stand-ins for its services; its health again and again, from the second one on."""
    options = ["--env-file", bench.root / "tests/parts/images.env", "--port-offset", str(OFFSET)]
    words = ["--stack", "valueverse", *options]
    answer = bench.work / "health.json"
    took, slowest, names = Series(), [], []
    with bench.project("health") as project:
        bench.run(bench.vv, project, [], [*words, "start"])
        for number in range(1 + (3 if bench.quick else TIMES)):
            with open(answer, "wb") as stdout:
                sample = bench.run(bench.vv, project, [], [*words, "health", "--format", "json"], stdout=stdout)
            if number == 0:
                # Topics and the like are made by the first one.
                continue
            checks = json.loads(answer.read_text())["checks"]
            if not any(check["level"] == "deep" for check in checks):
                raise CommandFailed("no deep check was made")
            worst = max(checks, key=lambda check: check["ms"])
            took.samples.append(bench.told(f"{len(checks)} checks", sample))
            slowest.append(worst["ms"] / 1000)
            names.append(f"{worst['service']}'s {worst['check']}")
    services = len({check["service"] for check in checks})
    most = max(set(names), key=names.count)
    beside = Quantity(tuple(slowest), "s", f"the slowest check, mostly {most}")
    what = f"`vv health` of {services} services, {len(checks)} checks"
    return [Row(what, took.seconds(), beside, ratio_at_most(1.5))]
