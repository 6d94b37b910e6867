"""A chain of services, each waiting until the one before is healthy; their health is checked every ten seconds."""

from ..bench import BUSYBOX, Row, Series, ratio_at_most


def measure(bench):
    """Starts the chain cold, and again with nothing to do; both tools wait until all is healthy."""
    bench.needs_images(BUSYBOX)
    length, interval = (3, 2) if bench.quick else (10, 10)
    file = bench.file("chain.yaml", _stack(length, interval))
    cold, again = (Series(), Series()), (Series(), Series())
    # The peer's cold start alone takes minutes.
    for _ in bench.each_round(rounds=3):
        for index, (tool, start) in enumerate([(bench.vv, bench.vv.START), (bench.compose, bench.compose.START_AND_WAIT)]):
            with bench.project("chain") as project:
                cold[index].samples.append(bench.told(f"{tool.name}: cold", bench.run(tool, project, [file], start)))
                for _ in range(3):
                    sample = bench.run(tool, project, [file], start)
                    again[index].samples.append(bench.told(f"{tool.name}: nothing to do", sample))
    what = f"chain of {length} services, health checked every {interval} s"
    wait = "`up -d --wait`"
    return [
        Row(f"{what}: cold start", cold[0].seconds(), cold[1].seconds(wait), ratio_at_most(1 / 20, "≤ 1/20")),
        Row(f"{what}: nothing to do", again[0].seconds(), again[1].seconds(wait), ratio_at_most(1 / 50, "≤ 1/50")),
    ]


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
