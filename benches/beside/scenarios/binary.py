"""The program file itself: its size, and whether it needs anything of the system."""

from ..bench import Quantity, Row, value_at_most

PT_INTERP = 3
LIBRARIES = "OpenSSL and librdkafka, for Kafka with TLS and SASL, are about a third of it."


def measure(bench):
    """The released binary where `make release` has made it, else the one that is measured."""
    released = bench.root / "dist/vv"
    path = released if released.exists() else bench.vv.binary
    static = is_static(path)
    kind = "static" if static else "dynamically linked"
    sizes = [Quantity((file.stat().st_size,), "B") for file in (path, bench.compose.binary)]
    bench.say(f"  {path.relative_to(bench.root) if released == path else path.name}: {sizes[0].median / 1e6:.1f} MB, {kind}")
    goal = value_at_most(20e6, "≤ 20 MB, static", and_holds=static)
    note = LIBRARIES if path == released else "The released, static binary wasn't there to be measured; `make release` makes it."
    return [Row(f"size of the program ({kind})", *sizes, goal, note)]


def is_static(path):
    """Whether a 64-bit little-endian ELF file names no interpreter."""
    data = path.read_bytes()
    if data[:6] != b"\x7fELF\x02\x01":
        return False
    number = lambda at, size: int.from_bytes(data[at : at + size], "little")
    table, size, count = number(32, 8), number(54, 2), number(56, 2)
    return all(number(table + index * size, 4) != PT_INTERP for index in range(count))
