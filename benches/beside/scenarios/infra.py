"""ValueVerse's infrastructure on real systems: how soon after the slowest one answers is a start over?"""

import os
import re

from ..answers import QUESTIONS, Witness
from ..bench import Quantity, Row, Series, ratio_at_most
from ..tools import CommandFailed

# Beside whatever runs on the usual ports, and below those that the system gives to connections.
OFFSET = int(os.environ.get("BENCH_PORT_OFFSET", 13000))


def measure(bench):
    """Both tools start the same systems from nothing, while a witness asks each system whether it answers."""
    stack = bench.root / "stacks/valueverse"
    images = bench.root / "tests/parts/images.env"
    ports = _ports(stack / ".env.example")
    options = ["--env-file", images]
    bench.needs_images(*_images(images))

    vv, compose, first_answers, slowest = Series(), Series(), [], ""
    runs = [
        (bench.vv, vv, [], ["--stack", "valueverse", *options, *bench.vv.START, "--group", "infra"]),
        (bench.compose, compose, [stack / "compose.yaml"], [*options, *bench.compose.START_AND_WAIT, *QUESTIONS]),
    ]
    for _ in bench.each_round(rounds=3):
        for tool, series, files, words in runs:
            with bench.project("infra") as project, Witness(bench.engine, project) as witness:
                series.samples.append(bench.told(f"{tool.name}: infrastructure", bench.run(tool, project, files, words, env=ports)))
                _is_what_is_asked(bench, project)
                if missing := witness.missing():
                    raise CommandFailed(f"{tool.name} said ready, but {', '.join(missing)} hadn't answered")
            name, seconds = witness.slowest()
            bench.say(f"  {'slowest, ' + name:<34} {seconds:8.3f} s")
            if tool is bench.vv:
                slowest = name
                first_answers.append(seconds)
    answer = Quantity(tuple(first_answers), "s", f"the slowest, {slowest}, first answers")
    what = f"ValueVerse's infrastructure, {len(QUESTIONS)} systems, until ready"
    return [
        Row(what, vv.seconds(), answer, ratio_at_most(1.2)),
        Row(what, vv.seconds(), compose.seconds("`up -d --wait`")),
    ]


def _ports(example):
    """Every port variable, moved by OFFSET, so that both tools get the same."""
    found = re.findall(r"^#? ?([A-Z_]+_PORT)=(\d+)$", example.read_text(), re.MULTILINE)
    return {name: str(int(port) + OFFSET) for name, port in found}


def _images(images):
    lines = [line for line in images.read_text().splitlines() if "=" in line and not line.startswith("#")]
    wanted = [line.partition("=") for line in lines]
    return [image for name, _, image in wanted if name not in ("KAFKA_ZK_IMAGE", "ZOOKEEPER_IMAGE", "NGINX_IMAGE")]


def _is_what_is_asked(bench, project):
    """Fails unless exactly the services that the witness knows were started."""
    started = {container["Labels"]["com.docker.compose.service"] for container in bench.engine.containers(project)}
    if strangers := sorted(started ^ set(QUESTIONS)):
        raise CommandFailed(f"the stack's group infra and the witness's questions differ: {', '.join(strangers)}")
