"""What a person at a prompt waits for: help, and completion at the press of a key."""

import subprocess

from ..bench import Row, Series, value_at_most
from ..tools import CommandFailed, measure as measure_command

TIMES = 30
READING = (
    "All of it is reading the stack on one core, eighteen services and twelve templates: it follows the machine's "
    "speed, as `vv --help` does."
)


def measure(bench):
    """Help of both tools; completion of a service's name of the ValueVerse stack."""
    words = ["--", "vv", "--stack", "valueverse", "start", "value-"]
    completion = {
        "COMPLETE": "bash",
        "_CLAP_IFS": "\n",
        "_CLAP_COMPLETE_INDEX": str(len(words) - 2),
        "_CLAP_COMPLETE_COMP_TYPE": "9",
        "_CLAP_COMPLETE_SPACE": "false",
    }
    stack = bench.root / "stacks/valueverse/compose.yaml"
    commands = {
        "vv --help": ([bench.vv.binary, "--help"], bench.vv.environment),
        "vv completion": ([bench.vv.binary, *words], {**bench.vv.environment, **completion}),
        "compose --help": ([bench.compose.binary, "--help"], bench.compose.environment),
        "compose completion": ([bench.compose.binary, "__complete", "-f", stack, "up", "value-"], bench.compose.environment),
    }
    for name in ("vv completion", "compose completion"):
        _offers(name, *commands[name], bench.work)
    times = {name: Series() for name in commands}
    for _ in range(5 if bench.quick else TIMES):
        for name, (command, env) in commands.items():
            sample = measure_command(
                command, env=env, cwd=bench.work, log=bench.work / "command.log", stdout=subprocess.DEVNULL
            )
            times[name].samples.append(sample)
    for name, series in times.items():
        bench.say(f"  {name:<34} {series.seconds().median:8.4f} s")
    goal = value_at_most(0.010, "≤ 10 ms")
    return [
        Row("`vv --help`", times["vv --help"].seconds(), times["compose --help"].seconds("`--help`"), goal),
        Row(
            "completing a service's name of the valueverse stack",
            times["vv completion"].seconds(),
            times["compose completion"].seconds("`__complete`"),
            goal,
            READING,
        ),
    ]


def _offers(name, command, env, cwd):
    """Fails unless the completion offers what it should: an error would be quick, too."""
    import os

    answer = subprocess.run(command, env={**os.environ, **env}, cwd=cwd, capture_output=True, text=True)
    if "value-architect" not in answer.stdout:
        raise CommandFailed(f"{name} doesn't offer value-architect: {answer.stdout}{answer.stderr}")
