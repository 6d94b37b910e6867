"""Kong's routes: `vv setup-routes` beside one curl per entity, and what many services and routes take."""

import shutil
import statistics
import time

from .. import kong, tools
from ..bench import Quantity, Row, Series, ratio_at_most, value_at_most
from .infra import OFFSET

PROXY_PORT, ADMIN_PORT = 8000 + OFFSET, 8001 + OFFSET
MANY = 1000
STAND_IN = "Measured on the tests' stand-in for Kong, with its entities in PostgreSQL."
EIGHT = "MES's eight routes with their plugins"


def measure(bench):
    """Eight routes, then many."""
    images = bench.root / "tests/parts/images.env"
    bench.needs_images(*_images(images))
    return _measure_eight(bench, images) + _measure_many(bench, images)


def _measure_eight(bench, images):
    """Both ways on gateways that have just become ready."""
    declared = bench.file("eight.yml", _eight(bench.root))
    first, live, idle, proven, script = (Series() for _ in range(5))
    for _ in bench.each_round(rounds=3):
        with _Gateway(bench, images) as gateway:
            first.samples.append(bench.told(f"vv: {EIGHT}", gateway.vv(declared, "--no-live")))
            # Until the proxy has what the Admin API was told: what follows changes nothing, and so doesn't wait for it.
            time.sleep(3)
            for _ in range(3):
                idle.samples.append(bench.told("vv: nothing to do", gateway.vv(declared, "--no-live")))
                proven.samples.append(bench.told("vv: nothing to do, proven", gateway.vv(declared)))
        with _Gateway(bench, images) as gateway:
            live.samples.append(bench.told(f"vv: {EIGHT}, proven", gateway.vv(declared)))
        with _Gateway(bench, images) as gateway:
            writes = gateway.recorded(declared)
        with _Gateway(bench, images) as gateway:
            script.samples.append(bench.told(f"curl each: {len(writes)} entities", gateway.by_curl(writes)))
            gateway.vv(declared, "--no-live", "--check")
    curls = script.seconds(f"{len(writes)} curls, one after another")
    return [
        Row(f"{EIGHT}: first time", first.seconds(), curls, ratio_at_most(1 / 5, "≤ 1/5"), STAND_IN),
        Row(f"{EIGHT}: first time, and each route proven through the proxy", live.seconds(), curls),
        Row(f"{EIGHT}: nothing to do", idle.seconds(), goal=value_at_most(0.05, "≤ 50 ms"), note=STAND_IN),
        Row(f"{EIGHT}: nothing to do, and each route proven through the proxy", proven.seconds()),
    ]


def _measure_many(bench, images):
    """Many services and routes: made, beside the same writes by hand; and compared, with the requests counted."""
    number = 100 if bench.quick else MANY
    what = f"{number:,} services and routes"
    declared = bench.file("many.yml", _many(number))
    first, idle, by_hand = Series(), Series(), []
    with _Gateway(bench, images) as gateway, gateway.counted() as proxy:
        gateway.vv(declared, "--no-live", "--admin-url", proxy.url)
        writes = proxy.writes()
        trips, requests, beyond = [], [], []
        for _ in range(3):
            proxy.forget()
            gateway.vv(declared, "--no-live", "--admin-url", proxy.url)
            pages, longest = proxy.pages()
            if left := proxy.writes():
                raise tools.CommandFailed(f"a run with nothing to do wrote {len(left)} times: {left[0].path}")
            trips.append(proxy.round_trips() - longest)
            beyond.append(len(proxy.exchanges) - pages)
            requests.append(len(proxy.exchanges))
            bench.say(f"  {requests[-1]} requests, {pages} of them pages, in {proxy.round_trips()} round trips")
        for _ in range(3 if bench.quick else 5):
            idle.samples.append(bench.told(f"vv: {what}, nothing to do", gateway.vv(declared, "--no-live")))
    for _ in bench.each_round(rounds=3):
        with _Gateway(bench, images) as gateway:
            first.samples.append(bench.told(f"vv: {what}", gateway.vv(declared, "--no-live")))
        with _Gateway(bench, images) as gateway:
            by_hand.append(kong.by_hand(writes, ADMIN_PORT))
            bench.say(f"  {'the same writes by hand':<34} {by_hand[-1]:8.3f} s")
            gateway.vv(declared, "--no-live", "--check")
    hand = Quantity(tuple(by_hand), "s", f"the same {len(writes):,} writes by hand, {kong.CONNECTIONS} at once")
    share = statistics.median(by_hand) / first.seconds().median
    return [
        Row(f"{what}: first time", first.seconds(), hand, note=f"{share:.0%} of vv's time is the gateway's own."),
        Row(f"{what}: first time, the gateway's own share", Quantity((round(share * 100),), "%")),
        Row(f"{what}: nothing to do", idle.seconds()),
        Row(f"{what}: nothing to do, peak memory", idle.peak()),
        Row(
            f"{what}: nothing to do, round trips beyond the pages of the longest list",
            Quantity(tuple(trips), "round trips"),
            goal=value_at_most(10, "≤ 10"),
        ),
        Row(
            f"{what}: nothing to do, requests beyond the pages of all lists",
            Quantity(tuple(beyond), "requests"),
            goal=value_at_most(10, "≤ 10"),
        ),
        Row(f"{what}: nothing to do, requests in all", Quantity(tuple(requests), "requests")),
    ]


class _Gateway:
    """Kong with its database, empty and just ready, and a service behind it."""

    def __init__(self, bench, images):
        self.bench, self._images = bench, images

    def __enter__(self):
        self._project = self.bench.project("routes")
        self._name = self._project.__enter__()
        try:
            self._file = self.bench.file("routes.yaml", _stack(self.bench.root))
            self._run(self.bench.vv.START)
            # What a start leaves to do for its database weighs on neither way.
            time.sleep(2)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self._project.__exit__(None, None, None)

    def _run(self, words):
        env = {"KONG_PROXY_PORT": str(PROXY_PORT), "KONG_ADMIN_PORT": str(ADMIN_PORT)}
        return self.bench.run(self.bench.vv, self._name, [self._file], ["--env-file", self._images, *words], env=env)

    def vv(self, declared, *options):
        """vv's routes of a file."""
        return self._run(["setup-routes", "--routes", declared, *options])

    def counted(self):
        """A proxy in front of the Admin API."""
        return kong.AdminProxy(ADMIN_PORT)

    def recorded(self, declared):
        """What vv writes."""
        with self.counted() as proxy:
            self.vv(declared, "--no-live", "--admin-url", proxy.url)
            return proxy.writes()

    def by_curl(self, writes):
        """The same, as deploy scripts do it."""
        script = self.bench.file("setup-kong.sh", kong.by_curl(writes, ADMIN_PORT))
        return tools.measure([shutil.which("bash"), script], log=self.bench.work / "command.log")


def _eight(root):
    """MES's file; what is behind each of its services is one."""
    lines = (root / "stacks/mes/kong.yml").read_text().splitlines()
    return "\n".join("    url: http://behind:8080" if line.startswith("    url: ") else line for line in lines) + "\n"


def _many(number):
    lines = ['_format_version: "3.0"', "services:"]
    for n in range(number):
        route = f"{{name: bench-{n:04}, paths: [/bench/{n:04}]}}"
        lines.append(f"  - {{name: bench-{n:04}, url: 'http://behind:8080', routes: [{route}]}}")
    return "\n".join(lines) + "\n"


def _images(images):
    wanted = ("KONG_IMAGE", "POSTGRES_IMAGE")
    lines = [line.partition("=") for line in images.read_text().splitlines()]
    return sorted({image for name, _, image in lines if name in wanted})


def _stack(root):
    """A gateway as the MES has it."""

    def extended(template, service):
        return f"    extends: {{file: {root}/templates/{template}, service: {service}}}"

    return f"""services:
  kong-db:
{extended("kong-db.yml", "kong-db")}
  kong-migration:
{extended("kong-migration.yml", "kong-migration")}
    depends_on: {{kong-db: {{condition: service_healthy}}}}
  kong:
{extended("kong.yml", "kong")}
    environment:
      KONG_DATABASE: postgres
      KONG_PG_HOST: kong-db
      KONG_PG_DATABASE: kong
      KONG_PG_USER: kong
      KONG_PG_PASSWORD: kong
    depends_on:
      kong-db: {{condition: service_healthy}}
      kong-migration: {{condition: service_completed_successfully}}
  behind:
    build: ./absent
    x-vv: {{kind: service, stub: {{port: 8080}}}}
volumes:
  kong-db-data:
"""
