"""Measures what waiting for the disk costs: acks=all with durability=fsync beside durability=page-cache."""

import json
import statistics
import subprocess
from dataclasses import dataclass

import requests
from martlet import Martlet
from processes import cpu_seconds, wait_for_port, warm_up
from scenario import Scenario, at_least, size, turns

PROGRAMS = ("producers",)


@dataclass(frozen=True)
class Case:
    """How the producers of one scenario send."""

    name: str
    partitions: int
    depth: int
    # Of the throughput of page-cache mode, at least.
    limit: float | None
    share: int = 1
    connections: int = 16
    # In a request, each for another partition.
    batches: int = 1
    batch_bytes: int = 16 << 10
    records: int = 16


CASES = [
    Case("one", partitions=1, depth=16, limit=0.60),
    Case("many", partitions=100, depth=5, limit=0.50, batches=10),
    Case("java", partitions=1, depth=5, limit=None),
    Case("single", partitions=1, depth=1, limit=None, share=8),
]
MODES = ["page-cache", "fsync"]


class Durability(Scenario):
    explanation = """
One broker, one client, the same bytes with acks=all to a topic with durability=fsync and to one with
durability=page-cache, in turns, with nothing left to be written back when a pass begins, and after a first batch for
each partition. Batches have 16 KiB, as those of Kafka's own producer.

  one     16 producers to 1 partition with 16 requests each without an answer; librdkafka has no limit unless told so
          (max.in.flight). Limit: 0.60 of the throughput without waiting for the disk
  many    16 producers to 100 partitions, with 5 requests each for 10 partitions at once, so that all partitions are
          written all the time. Limit: 0.50
  java    16 producers to 1 partition with 5 requests each (max.in.flight.requests.per.connection)
  single  16 producers to 1 partition with 1 request each: the disk's latency sets the pace; an eighth of the bytes

The last two are for comparison: what is in flight is written in a millisecond, and a sync of the disk takes longer.
"""
    cases = tuple(case.name for case in CASES)
    repeats = 5
    smoke = {"size": 2 << 20}

    def add_arguments(self, parser):
        what = "bytes per pass, such as 64M or 2G (default 512M)"
        parser.add_argument("size", nargs="?", type=size, default=512 << 20, help=what)

    def measure(self, run):
        run.note(f"{run.options.size / 1e9:.2f} GB per pass, medians of {run.options.repeats}")
        with Martlet(run.binary, run.directory / "data") as martlet:
            martlet.start()
            samples = {case.name: take_turns(case, run, martlet) for case in CASES if case.name in run.cases}
            martlet.stop()
        rows = []
        for case in CASES:
            if case.name in samples:
                rows += summarise(case, run, samples[case.name])
        run.table("", ["", "MB/s", "CPU s/GB", "p50 ms", "p99 ms"], rows)
        return {"samples": samples}


def take_turns(case, run, martlet):
    samples = {mode: [] for mode in MODES}
    for number, mode in turns(MODES, run.options.repeats):
        run.progress(f"{case.name}, pass {number + 1} of {run.options.repeats}: {mode}")
        part = run.options.size // case.share
        warm_up(run.directory, part)
        samples[mode].append(one_pass(case, run, martlet, f"{case.name}-{mode}-{number}", mode, part))
    return samples


def one_pass(case, run, martlet, topic, mode, part):
    count = max(case.depth * case.connections, part // (case.batch_bytes * case.batches))
    with wait_for_port(martlet.port) as connection:
        requests.create_topic(connection, topic, case.partitions, {"durability": mode, "file.delete.delay.ms": "0"})
        try:
            # The first sync of a partition includes its directory.
            produce(case, run, martlet, topic, count=case.partitions // case.batches, depth=1, connections=1)
            before = cpu_seconds(martlet.pid)
            result = produce(case, run, martlet, topic, count, case.depth, case.connections)
            return {**result, "cpu": cpu_seconds(martlet.pid) - before}
        finally:
            requests.delete_topic(connection, topic)


def produce(case, run, martlet, topic, count, depth, connections):
    numbers = [case.partitions, count, case.batch_bytes, case.records, case.batches, depth, connections, -1]
    command = [run.tool("producers"), "127.0.0.1", str(martlet.port), topic, *map(str, numbers)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{case.name}: {done.stderr.strip()}")
    return json.loads(done.stdout)


def summarise(case, run, samples):
    """The rows of the case, and its figure."""
    rows, speed = [], {}
    for mode, taken in samples.items():
        speed[mode] = statistics.median(one["bytes"] / one["seconds"] / 1e6 for one in taken)
        cost = statistics.median(one["cpu"] / one["bytes"] * 1e9 for one in taken)
        rows.append([f"{case.name}, {mode}", speed[mode], cost])
        rows[-1] += [statistics.median(one[name] for one in taken) for name in ("p50", "p99")]
    limit = None if case.limit is None else at_least(case.limit)
    run.figure(
        "throughput with fsync, of that with page-cache", speed["fsync"] / speed["page-cache"], "", limit, case.name
    )
    return rows
