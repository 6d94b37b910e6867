"""Kafka's topics: `vv init-topics` beside one kafka-topics.sh per topic, and how many requests many topics take."""

import json
import statistics
import time

from ..bench import Quantity, Row, Series, ratio_at_most, value_at_most
from ..kafka import KafkaProxy
from ..tools import CommandFailed, Sample
from .infra import OFFSET

PORT = 9092 + OFFSET
SERVICE = "com.docker.compose.service"
MANY = 1000
# What topics are changed by. Waiting until brokers tell what they were told asks for Metadata and DescribeConfigs again.
CHANGES = ("CreateTopics", "CreatePartitions", "IncrementalAlterConfigs")
SCRIPT = (
    "and these images' kafka-topics.sh begins in half the time of the usual ones' (its JVM has a class archive and does "
    "without the optimizing compiler)."
)
# Per mode: the services beside the broker, its template, and the goal.
MODES = {
    "KRaft": ([], "kafka.yml", ratio_at_most(1 / 50, "≤ 1/50")),
    "ZooKeeper mode": (["zookeeper"], "kafka-zookeeper.yml", ratio_at_most(1 / 10, "≤ 1/10")),
}


def measure(bench):
    """Both ways on brokers of their own that have just become ready, in both modes; then many topics, counted."""
    images = bench.root / "tests/parts/images.env"
    bench.needs_images(*_images(images))
    declared = bench.root / "stacks/mes/topics.yml"
    rows = []
    for mode, (beside, template, goal) in MODES.items():
        vv, script, own = Series(), Series(), []
        for _ in bench.each_round(rounds=3):
            with _Cluster(bench, beside, template, images) as cluster:
                topics = cluster.missing(declared)
                vv.samples.append(bench.told(f"vv: {len(topics)} topics, {mode}", cluster.apply(declared)))
                own.append(cluster.proxy.seconds("CreateTopics"))
                bench.say(f"  {'its CreateTopics':<34} {own[-1]:8.3f} s")
                _all_there(cluster, declared)
            with _Cluster(bench, beside, template, images) as cluster:
                script.samples.append(bench.told(f"kafka-topics.sh each, {mode}", cluster.by_script(topics)))
                _all_there(cluster, declared)
        what = f"{len(topics)} topics, {mode}"
        answer = Quantity(tuple(own), "s", "the broker's own part: its answer to vv's one CreateTopics")
        share = f"Of vv's time {statistics.median(own):.2f} s are the broker's own, for one CreateTopics request; {SCRIPT}"
        rows.append(Row(what, vv.seconds(), script.seconds("`docker exec … kafka-topics.sh --create` each"), goal, share))
        rows.append(Row(what, vv.seconds(), answer))
        rows += _many(bench, mode, beside, template, images)
    return rows


def _many(bench, mode, beside, template, images):
    """Requests that many topics take: made, grown and set, and only compared."""
    made = bench.file("made.yml", _declaration(3, 604800000))
    grown = bench.file("grown.yml", _declaration(4, 86400000))
    with _Cluster(bench, beside, template, images) as cluster:
        # All that is said goes through the proxy: nobody else is asked first.
        through = ["--bootstrap", f"localhost:{cluster.proxy.port}"]
        took = bench.told(f"vv: {MANY} topics made, {mode}", cluster.apply(made, *through))
        most = cluster.most()
        bench.told(f"vv: {MANY} topics grown and set, {mode}", cluster.apply(grown, *through))
        most = max(most, cluster.most())
        checks, trips, requests = Series(), [], []
        for _ in range(3):
            checks.samples.append(bench.told(f"vv: {MANY} topics compared", cluster.vv(grown, "--check", *through)))
            trips.append(cluster.proxy.round_trips())
            requests.append(len(cluster.proxy.exchanges))
            bench.say(f"  {_counts(cluster.proxy)}: {trips[-1]} round trips")
    where = f"{MANY:,} topics, {mode}"
    return [
        Row(f"{where}: made", Quantity((took.seconds,), "s")),
        Row(
            f"{where}: made, then grown and set: requests of the kind sent most often in a run",
            Quantity((most,), "requests"),
            goal=value_at_most(2, "≤ 2"),
        ),
        Row(f"{where}: `--check`, no difference", checks.seconds()),
        Row(
            f"{where}: `--check`, no difference: round trips about topics",
            Quantity(tuple(trips), "round trips"),
            goal=value_at_most(3, "≤ 3"),
        ),
        Row(
            f"{where}: `--check`, no difference: requests, with what the client greets each connection with",
            Quantity(tuple(requests), "requests"),
        ),
    ]


class _Cluster:
    """A broker that has just become ready, and that sends its clients to a proxy."""

    def __init__(self, bench, beside, template, images):
        self.bench, self._images = bench, images
        self._beside, self._template = beside, template

    def __enter__(self):
        self.proxy = KafkaProxy(PORT)
        self._project = self.bench.project("topics")
        self._name = self._project.__enter__()
        try:
            text = _stack(self.bench.root, self._beside, self._template, self.proxy.port)
            self._file = self.bench.file("topics.yaml", text)
            self._run(self.bench.vv, self.bench.vv.START)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self._project.__exit__(None, None, None)
        self.proxy.__exit__()

    def _run(self, tool, words, **options):
        env = {"KAFKA_PORT": str(PORT)}
        words = ["--env-file", self._images, *words]
        return self.bench.run(tool, self._name, [self._file], words, env=env, **options)

    def vv(self, declared, *options, stdout=None):
        """vv's topics of a file; the proxy counts this run only."""
        self.proxy.forget()
        return self._run(self.bench.vv, ["init-topics", "--topics", declared, *options], stdout=stdout)

    def apply(self, declared, *options):
        """Makes what a file declares."""
        sample = self.vv(declared, *options)
        self.bench.say(f"  {_counts(self.proxy)}")
        return sample

    def missing(self, declared):
        """The topics that vv would make, as its JSON has them."""
        answer = self.bench.work / "topics.json"
        with open(answer, "wb") as stdout:
            self.vv(declared, "--dry-run", "--format", "json", stdout=stdout)
        topics = json.loads(answer.read_text())["topics"]
        changes = {topic["topic"]: topic["changes"] for topic in topics}
        if wrong := [name for name, [first, *more] in changes.items() if first["action"] != "create" or more]:
            raise CommandFailed(f"a new broker already has {', '.join(wrong)}")
        return {name: change for name, [change] in changes.items()}

    def by_script(self, topics):
        """The same topics as deploy scripts make them: a `docker exec` for each, without docker's own start-up."""
        broker = next(c for c in self.bench.engine.containers(self._name) if c["Labels"][SERVICE] == "kafka")
        begun = time.perf_counter()
        for name, topic in topics.items():
            config = [word for key, value in topic["config"].items() for word in ("--config", f"{key}={value}")]
            self._exec(
                broker["Id"],
                *("kafka-topics.sh", "--bootstrap-server", "localhost:9092", "--create", "--if-not-exists"),
                *("--topic", name, "--partitions", str(topic["partitions"])),
                *("--replication-factor", str(topic["replication_factor"]), *config),
            )
        return Sample(time.perf_counter() - begun, 0)

    def _exec(self, container, *command):
        call = self.bench.engine.call
        made = call("POST", f"/containers/{container}/exec", {"Cmd": command, "AttachStdout": True, "AttachStderr": True})
        call("POST", f"/exec/{made['Id']}/start", {"Detach": False})
        if code := call("GET", f"/exec/{made['Id']}/json")["ExitCode"]:
            raise CommandFailed(f"{' '.join(command)} exited {code}")

    def most(self):
        """The most requests of a kind that the last run sent."""
        return max(self.proxy.kinds()[kind] for kind in CHANGES)


def _all_there(cluster, declared):
    """Fails, with vv's own words, unless the topics are what the file declares."""
    cluster.vv(declared, "--check")


def _counts(proxy):
    counted = proxy.kinds().items()
    return ", ".join(f"{count} {kind}" for kind, count in sorted(counted))


def _declaration(partitions, retention):
    lines = [f"defaults: {{partitions: {partitions}, replication_factor: 1, config: {{retention.ms: {retention}}}}}"]
    return "\n".join([*lines, "topics:", *(f"  - bench.{number:04}" for number in range(MANY))]) + "\n"


def _images(images):
    wanted = ("KAFKA_IMAGE", "KAFKA_ZK_IMAGE", "ZOOKEEPER_IMAGE")
    lines = [line.partition("=") for line in images.read_text().splitlines()]
    return sorted({image for name, _, image in lines if name in wanted})


def _stack(root, beside, template, advertised):
    """A broker as the shipped stacks have it, but for where it sends clients outside."""
    lines = ["services:"]
    volumes = ["kafka-data"]
    for name in beside:
        lines += [f"  {name}:", f"    extends: {{file: {root}/templates/{name}.yml, service: {name}}}"]
        volumes += [f"{name}-data", f"{name}-log"]
    lines += [
        "  kafka:",
        f"    extends: {{file: {root}/templates/{template}, service: kafka}}",
        "    environment:",
        f"      KAFKA_ADVERTISED_LISTENERS: INTERNAL://kafka:9092,EXTERNAL://localhost:{advertised}",
    ]
    if beside:
        lines += ["    depends_on:", *(f"      {name}: {{condition: service_healthy}}" for name in beside)]
    return "\n".join([*lines, "volumes:", *(f"  {name}:" for name in volumes)]) + "\n"
