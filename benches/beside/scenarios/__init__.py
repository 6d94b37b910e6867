"""The scenarios: each has a `measure(bench)` that returns the table's rows."""

from . import binary, chain, health, infra, logs, plain, prompt, routes, topics

ALL = {
    "chain": chain,
    "plain": plain,
    "infra": infra,
    "health": health,
    "topics": topics,
    "routes": routes,
    "logs": logs,
    "prompt": prompt,
    "binary": binary,
}
