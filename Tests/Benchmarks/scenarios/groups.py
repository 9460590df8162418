"""Measures what consumer groups cost: a large group, churn, many commits, a restart, a first record."""

import random
import selectors
import shutil
import socket
import statistics
import struct
import subprocess
import time
from functools import partial

import confluent_kafka

import consumers
import members
import requests
from martlet import Martlet
from processes import cpu_seconds, resident_bytes, wait_for_port
from requests import text
from scenario import Scenario, at_least, at_most

PROGRAMS = ("client",)
# With a real client.
CLIENTS = True

LIMITS = {
    "large": ("s", at_most(10)),
    "churn": ("cores", at_most(1)),
    "large-consumer": ("s", at_most(10)),
    "churn-consumer": ("cores", at_most(1)),
    "commit": ("offsets/s", at_least(100_000)),
    "restart": ("s", at_most(2)),
    "first": ("s", at_most(0.2)),
    "first-consumer": ("s", at_most(0.1)),
    "client": ("s", at_most(0.2)),
    "client-consumer": ("s", at_most(0.2)),
}
FIRSTS = 11
OFFSET_COMMIT, OFFSET_FETCH, FETCH, PRODUCE = 8, 9, 1, 0
GROUPS, PARTITIONS_PER_REQUEST = 50, 20
OFFSETS_PER_FILLING_REQUEST = 1000
HEARTBEAT_SECONDS = 1.0
TOPIC = "work"


def connect(martlet):
    """To a broker that may take its time: a topic of a thousand partitions is a thousand directories."""
    connection = wait_for_port(martlet.port)
    connection.settimeout(120)
    return connection


# One group, large.


def gather(options, martlet, kind=members.Crowd):
    """A group of many, and how long it took to be stable."""
    with connect(martlet) as connection:
        requests.create_topic(connection, TOPIC, options.members, {})
        # Makes the topic of the offsets.
        commit(connection, "other", 1, 0, 1)
    crowd = kind(martlet.port, "large", TOPIC, options.members, HEARTBEAT_SECONDS)
    for _ in range(options.members):
        crowd.add()
    start = time.monotonic()
    cpu = cpu_seconds(martlet.pid)
    for member in list(crowd.members):
        member.join()
        crowd.step(0)
    crowd.run(crowd.is_stable, 120)
    return crowd, time.monotonic() - start, cpu_seconds(martlet.pid) - cpu


def measure_large(options, martlet, kind=members.Crowd):
    crowd, seconds, cpu = gather(options, martlet, kind)
    crowd.close()
    return {
        "figure": seconds,
        "members": options.members,
        "generations": crowd.generations,
        "cpu_seconds": round(cpu, 2),
    }


def measure_churn(options, martlet, kind=members.Crowd):
    crowd, _, _ = gather(options, martlet, kind)
    generations = crowd.generations
    start, cpu = time.monotonic(), cpu_seconds(martlet.pid)
    changed = 0
    rng = random.Random(1)
    while (elapsed := time.monotonic() - start) < options.seconds:
        # Spread over the second, as deployments and crashes are.
        due = int(elapsed * options.members / 10)
        for _ in range(due - changed):
            rng.choice([one for one in crowd.members if not one.is_leaving]).depart()
            crowd.add().join()
        changed = due
        crowd.step(0.01)
    used = (cpu_seconds(martlet.pid) - cpu) / (time.monotonic() - start)
    memory = resident_bytes(martlet.pid)
    crowd.run(crowd.is_stable, 120)
    crowd.close()
    return {
        "figure": used,
        "changed": changed,
        "generations": crowd.generations - generations,
        "resident_MB": round(memory / 1e6),
    }


# Commits.


def commit_frame(group, partitions, first, offset):
    body = text(group) + struct.pack(">i", -1) + text("") + members.NO_TEXT + struct.pack(">i", 1) + text(TOPIC)
    body += struct.pack(">i", partitions)
    body += b"".join(
        struct.pack(">iqi", partition, offset, -1) + text("") for partition in range(first, first + partitions)
    )
    header = struct.pack(">hhi", OFFSET_COMMIT, 7, 1) + text("bench")
    return struct.pack(">i", len(header) + len(body)) + header + body


def commit(connection, group, partitions, first, offset):
    connection.sendall(commit_frame(group, partitions, first, offset))
    check(receive_frame(connection), partitions)


def receive_frame(connection):
    (length,) = struct.unpack(">i", requests.receive(connection, 4))
    return requests.receive(connection, length)[4:]


def check(answer, partitions):
    errors = {struct.unpack_from(">h", answer, len(answer) - 6 * place - 2)[0] for place in range(partitions)}
    if errors != {0}:
        raise RuntimeError(f"commits are refused: {errors}")


def measure_commit(options, martlet):
    with connect(martlet) as connection:
        requests.create_topic(connection, TOPIC, PARTITIONS_PER_REQUEST, {})
        commit(connection, "other", 1, 0, 1)
    selector = selectors.DefaultSelector()
    frames = []
    for number in range(GROUPS):
        connection = socket.create_connection(("127.0.0.1", martlet.port), 30)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        frames.append([commit_frame(f"group-{number}", PARTITIONS_PER_REQUEST, 0, offset) for offset in range(8)])
        selector.register(connection, selectors.EVENT_READ, number)
        connection.sendall(frames[number][0])
    start, cpu = time.monotonic(), cpu_seconds(martlet.pid)
    done = 0
    while (elapsed := time.monotonic() - start) < options.commit_seconds:
        for key, _ in selector.select(1):
            check(receive_frame(key.fileobj), PARTITIONS_PER_REQUEST)
            done += 1
            key.fileobj.sendall(frames[key.data][done % 8])
    used = cpu_seconds(martlet.pid) - cpu
    for key in list(selector.get_map().values()):
        key.fileobj.close()
    return {"figure": done * PARTITIONS_PER_REQUEST / elapsed, "cores": round(used / elapsed, 2)}


# A restart.


def committed_count(connection, group):
    answer = requests.call(connection, OFFSET_FETCH, 5, text(group) + struct.pack(">i", -1))
    (error,) = struct.unpack_from(">h", answer, len(answer) - 2)
    if error:
        raise RuntimeError(f"OffsetFetch: error {error}")
    _, topics = struct.unpack_from(">ii", answer)
    return struct.unpack_from(">i", answer, 8 + 2 + len(TOPIC))[0] if topics else 0


def measure_restart(options, martlet):
    groups = max(1, options.offsets // OFFSETS_PER_FILLING_REQUEST)
    with connect(martlet) as connection:
        requests.create_topic(connection, TOPIC, OFFSETS_PER_FILLING_REQUEST, {})
        for number in range(groups):
            commit(connection, f"group-{number}", OFFSETS_PER_FILLING_REQUEST, 0, number)
    martlet.stop()
    start = time.monotonic()
    martlet.start()
    ready = time.monotonic() - start
    with connect(martlet) as connection:
        counts = {committed_count(connection, f"group-{number}") for number in (0, groups // 2, groups - 1)}
    seconds = time.monotonic() - start
    if counts != {OFFSETS_PER_FILLING_REQUEST}:
        raise RuntimeError(f"groups have {counts} offsets")
    return {
        "figure": seconds,
        "offsets": groups * OFFSETS_PER_FILLING_REQUEST,
        "metadata_seconds": round(ready, 3),
        "resident_MB": round(resident_bytes(martlet.pid) / 1e6),
    }


# A first record.


def fetch(connection, topic):
    """The bytes of the records at the beginning of the topic's only partition."""
    body = struct.pack(">iiiibi", -1, 500, 1, 1 << 20, 0, 1) + text(topic) + struct.pack(">iiqi", 1, 0, 0, 1 << 20)
    answer = requests.call(connection, FETCH, 4, body)
    return struct.unpack_from(">i", answer, len(answer) - 4)[0] or len(answer)


def provide_a_record(options, martlet):
    with connect(martlet) as connection:
        requests.create_topic(connection, TOPIC, 1, {})
        # Makes the topic of the offsets.
        commit(connection, "other", 1, 0, 1)
    client = [str(word) for word in (f"{options.tools}/client", "produce", "127.0.0.1", martlet.port, TOPIC)]
    subprocess.run([*client, "1", "1", "1024", "8", "1", "1"], check=True, stdout=subprocess.DEVNULL)


def measure_first_of_client(options, martlet, protocol):
    provide_a_record(options, martlet)
    times = []
    for number in range(options.firsts):
        consumer = confluent_kafka.Consumer(
            {
                "bootstrap.servers": f"127.0.0.1:{martlet.port}",
                "group.id": f"new-{number}",
                "group.protocol": protocol,
                "auto.offset.reset": "earliest",
            }
        )
        # Once it knows the cluster: how long that takes is no matter of groups.
        consumer.list_topics(TOPIC, timeout=30)
        start = time.monotonic()
        consumer.subscribe([TOPIC])
        message = consumer.poll(30)
        if message is None or message.error():
            raise RuntimeError(f"there is no record: {message and message.error()}")
        times.append(time.monotonic() - start)
        consumer.close()
    return {"figure": statistics.median(times), "slowest": round(max(times), 3)}


def measure_first(options, martlet, kind=members.Crowd):
    provide_a_record(options, martlet)
    times = []
    for number in range(options.firsts):
        crowd = kind(martlet.port, f"new-{number}", TOPIC, 1, HEARTBEAT_SECONDS)
        start = time.monotonic()
        crowd.add().join()
        crowd.run(crowd.is_stable, 30)
        with connect(martlet) as connection:
            committed_count(connection, f"new-{number}")
            if not fetch(connection, TOPIC):
                raise RuntimeError("there is no record")
        times.append(time.monotonic() - start)
        crowd.close()
    return {"figure": statistics.median(times), "slowest": round(max(times), 3)}


CASES = {
    "large": measure_large,
    "churn": measure_churn,
    "large-consumer": partial(measure_large, kind=consumers.ConsumerCrowd),
    "churn-consumer": partial(measure_churn, kind=consumers.ConsumerCrowd),
    "commit": measure_commit,
    "restart": measure_restart,
    "first": measure_first,
    "first-consumer": partial(measure_first, kind=consumers.ConsumerCrowd),
    "client": partial(measure_first_of_client, protocol="classic"),
    "client-consumer": partial(measure_first_of_client, protocol="consumer"),
}


class Groups(Scenario):
    explanation = """
large           Members of one group over as many partitions join at once; the time until all have their parts.
churn           A tenth of them leaves and as many others come, every second; the broker's CPU seconds per second.
large-consumer  The same with the consumer protocol (KIP-848): heartbeats as the broker wants them.
churn-consumer  The same with the consumer protocol.
commit          Groups commit the offsets of 20 partitions a request, each waiting for the answer to its last one, and
                every answer means that the disk has it: offsets per second.
restart         A million committed offsets; the time from the start of the process until OffsetFetch tells those of a
                group.
first           A new member of a new group, alone, without a client library: from its first request to its first
                record.
first-consumer  The same with the consumer protocol.
client          The same with librdkafka and its default settings: from the subscription of a consumer that knows the
                cluster to its first record.
client-consumer The same with group.protocol=consumer. Of these four the median of eleven.

Limits: stable in 10 s, one core, 100,000 offsets per second, 2 s; a first record after 200 ms, and with the consumer
protocol after 100 ms. librdkafka waits for 100 ms by itself before it asks where a partition begins of which its group
has committed nothing; with the consumer protocol that is allowed beside the broker's 100 ms.
"""
    cases = tuple(CASES)
    smoke = {
        "members": 5,
        "seconds": 1,
        "commit_seconds": 1,
        "firsts": 1,
        "case": ["large", "churn-consumer", "commit", "first", "client"],
    }

    def add_arguments(self, parser):
        parser.add_argument("--members", type=int, default=1000, metavar="N", help="members, partitions (default 1000)")
        parser.add_argument("--seconds", type=int, default=60, metavar="N", help="how long churn lasts (default 60)")
        parser.add_argument("--offsets", type=int, default=1_000_000, metavar="N", help="committed before the restart")
        what = "how long commits are counted (default 10)"
        parser.add_argument("--commit-seconds", type=int, default=10, metavar="N", help=what)
        parser.add_argument("--firsts", type=int, default=FIRSTS, metavar="N", help=f"new members (default {FIRSTS})")

    def measure(self, run):
        results = {}
        for name in run.cases:
            run.progress(f"{name} …")
            with Martlet(run.binary, run.directory / name) as martlet:
                martlet.start()
                results[name] = CASES[name](run.options, martlet)
                if not run.is_smoke:
                    martlet.stop()
            shutil.rmtree(run.directory / name, ignore_errors=True)
            unit, limit = LIMITS[name]
            more = ", ".join(f"{key} {value}" for key, value in results[name].items() if key != "figure")
            run.figure(more, results[name]["figure"], unit, limit, name)
        return {"cases": results}
