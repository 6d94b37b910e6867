"""The table, as Markdown."""

import datetime
import os
import pathlib
import platform

UNITS = {"B": [(1e6, "MB", 1), (1e3, "kB", 1)], "s": [(1, "s", 2), (1e-3, "ms", 1)]}


def shown(value, unit):
    """A value as people read it: `1.23 s`, `4.5 ms`, `9.8 MB`, `5 calls`."""
    for size, name, digits in UNITS.get(unit, []):
        if value >= size:
            return f"{value / size:.{digits}f} {name}"
    if unit in UNITS:
        size, name, digits = UNITS[unit][-1]
        return f"{value / size:.{digits}f} {name}"
    return f"{value:g} {unit}"


def _quantity(quantity):
    if quantity is None:
        return ""
    label = f" ({quantity.label})" if quantity.label else ""
    return shown(quantity.median, quantity.unit) + label


def _ratio(row):
    if row.ratio is None:
        return ""
    if row.ratio >= 0.1:
        return f"{row.ratio:.2f}"
    return f"1/{1 / row.ratio:.0f}"


def _met(row):
    return {None: "", True: "yes", False: "**no**"}[row.met]


def table(rows):
    """The rows as a Markdown table."""
    lines = ["| what | vv | beside | ratio | goal | met |", "|---|--:|---|--:|--:|---|"]
    for row in rows:
        goal = row.goal.text if row.goal else ""
        lines.append(f"| {row.what} | {_quantity(row.vv)} | {_quantity(row.other)} | {_ratio(row)} | {goal} | {_met(row)} |")
    return "\n".join(lines)


def _spread(quantity):
    return ", ".join(shown(value, quantity.unit) for value in quantity.values)


def _rounds(rows):
    """Every single value, for those who distrust medians; long series as their range."""
    lines, told = [], set()
    for row in rows:
        for name, quantity in (("vv", row.vv), (row.other.label or "docker compose" if row.other else "", row.other)):
            if quantity is None or len(quantity.values) < 2 or (row.what, name) in told:
                continue
            told.add((row.what, name))
            values = quantity.values
            if len(values) > 15:
                low, high = shown(min(values), quantity.unit), shown(max(values), quantity.unit)
                text = f"{low} to {high} in {len(values)} runs"
            else:
                text = _spread(quantity)
            lines.append(f"- {row.what}, {name}: {text}")
    return "\n".join(lines)


def _unmet(rows):
    """What the table's `no`s mean."""
    lines = [f"- {row.what}: {row.note}" for row in rows if row.met is False and row.note]
    return "\n## Goals not met\n\n" + "\n".join(lines) + "\n" if lines else ""


def machine(engine):
    """Facts that times depend on, none of which names the machine."""
    version, info = engine.call("GET", "/version"), engine.call("GET", "/info")
    cpu = next(
        (line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")),
        platform.machine(),
    )
    memory = info["MemTotal"] / 2**30
    return [
        f"{os.cpu_count()} cores ({cpu}), {memory:.0f} GiB, Linux {platform.release().split('-')[0]}",
        f"container engine {version['Version']} (API {version['ApiVersion']}), storage {info['Driver']}",
        f"load average when it began: {os.getloadavg()[0]:.1f}",
    ]


def _lines(path):
    try:
        return pathlib.Path(path).read_text().splitlines()
    except OSError:
        return []


def document(bench, rows, facts, command):
    """The whole of docs/benchmarks.md."""
    today = datetime.date.today().isoformat()
    facts = "\n".join(f"- {fact}" for fact in facts)
    return f"""# Benchmarks

vv {bench.vv.version} beside docker compose {bench.compose.version}, in one run on {today}, made by

    {command}

The tools take turns, {bench.rounds} rounds of each (three where a round takes minutes); a value is the median of its rounds, and
a ratio is vv's value over the other's. Images are there before; each cold start begins without containers and
networks. Memory is the largest resident size of the process.

{facts}

{table(rows)}
{_unmet(rows)}
## Every round

{_rounds(rows)}
"""
