"""Measures how fast Martlet compacts a log, in how much memory, and what producers notice of it."""

import json
import statistics
import subprocess
import time
from pathlib import Path

import requests
from martlet import Martlet
from processes import resident_bytes, thread_seconds, wait_for_port, warm_up
from scenario import Scenario, at_least, at_most, size

PROGRAMS = ("client",)

RATE = 200e6
MEMORY_BEYOND_BUFFER = 64e6
LATENCY_RATIO = 2.0
BATCH, RECORDS = 16 << 10, 16
PAUSE_MICROSECONDS = 2000


class Compaction(Scenario):
    explanation = """
A log of 1 KiB records in batches of 16 KiB, uncompressed, one partition, with as many different keys as there are
records in 1 GB, drawn evenly. It is compacted with nothing else to do, and then again, a few times, while a producer
writes to another topic (16 KiB every 2 ms, acks=1), whose latencies are compared with those of a time without
compaction just before: medians of the times. CPU is that of the cleaner's thread, user and system. Memory is the most
that was resident, less what was before the compaction.

Limits: at least 200 MB per second, by the clock and per CPU second; memory at most log.cleaner.dedupe.buffer.size
and 64 MB; the producer's 99th percentile at most twice that without compaction.
"""
    repeats = 5
    smoke = {"size": 4 << 20}

    def add_arguments(self, parser):
        what = "bytes of the log, such as 64M or 4G (default 1G)"
        parser.add_argument("size", nargs="?", type=size, default=1 << 30, help=what)
        parser.add_argument("--keys", type=int, default=1_000_000, metavar="N", help="different keys (default 1000000)")
        parser.add_argument("--buffer", type=int, default=32, metavar="MiB", help="log.cleaner.dedupe.buffer.size (32)")

    def measure(self, run):
        stage = Stage(run)
        with stage.martlet:
            stage.create("events", {})
            run.progress("filling")
            stage.fill("alone")
            run.progress("compacting")
            alone = stage.compact("alone")
            rounds = [
                compact_under_load(run, stage, f"loaded-{number}", alone["seconds"])
                for number in range(run.options.repeats)
            ]
            stage.martlet.stop()
        quiet, busy = median(rounds, "produce_without"), median(rounds, "produce_with")
        memory = max(one["memory_bytes"] for one in [alone, *(round["compaction"] for round in rounds)])
        show(run, alone, memory, quiet, busy)
        return {"alone": alone, "rounds": rounds, "produce_without": quiet, "produce_with": busy}


class Stage:
    """A broker and the clients that the measurement needs."""

    def __init__(self, run):
        self.run, self.frames = run, max(1, run.options.size // BATCH)
        settings = {
            "log.cleaner.dedupe.buffer.size": run.options.buffer << 20,
            "log.retention.ms": -1,
            "log.segment.delete.delay.ms": 0,
        }
        self.martlet = Martlet(run.binary, run.directory / "data", **settings)
        self.martlet.start()
        self.pid = self.martlet.pid

    def create(self, topic, configs):
        with wait_for_port(self.martlet.port) as connection:
            requests.create_topic(connection, topic, 1, configs)

    def fill(self, topic):
        self.create(
            topic,
            {"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "1", "segment.bytes": str(128 << 20)},
        )
        self.client("table", topic, self.frames, 5, 1, self.run.options.keys).communicate()
        warm_up(self.martlet.data, self.frames * BATCH)

    def client(self, mode, topic, frames, *rest):
        shape = [topic, 1, frames, BATCH, RECORDS, *rest]
        command = [self.run.tool("client"), mode, "127.0.0.1", self.martlet.port, *shape]
        return subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, text=True)

    def latencies(self, seconds):
        """A producer for about so many seconds."""
        return self.client("latency", "events", int(seconds * 1e6 / (PAUSE_MICROSECONDS + 300)), PAUSE_MICROSECONDS, 1)

    def compact(self, topic):
        """Compacts and returns what the command says, with seconds, CPU seconds and memory."""
        cleaner = self.cleaner()
        peak = before = resident_bytes(self.pid)
        cpu, start = thread_seconds(self.pid, cleaner), time.monotonic()
        command = [self.run.binary, "compact", topic, "--wait", "--json", "-b", f"127.0.0.1:{self.martlet.port}"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        while process.poll() is None:
            peak = max(peak, resident_bytes(self.pid))
            time.sleep(0.01)
        seconds = time.monotonic() - start
        ((partition,),) = [one["partitions"] for one in json.loads(process.stdout.read())]
        if partition["state"] != "done":
            raise RuntimeError(f"the compaction failed: {partition['reason']}")
        return partition | {
            "seconds": seconds,
            "cpu_seconds": thread_seconds(self.pid, cleaner) - cpu,
            "memory_bytes": peak - before,
        }

    def cleaner(self):
        for task in Path(f"/proc/{self.pid}/task").iterdir():
            if (task / "comm").read_text().strip() == "cleaner-0":
                return int(task.name)
        raise RuntimeError("the broker has no thread cleaner-0")


def compact_under_load(run, stage, topic, seconds):
    """A producer's latencies without and with a compaction, one after the other, and what the compaction did."""
    run.progress(f"{topic}: filling")
    stage.fill(topic)
    run.progress(f"{topic}: producing without compaction")
    quiet = json.loads(stage.latencies(seconds + 2).communicate()[0])
    run.progress(f"{topic}: producing and compacting")
    producer = stage.latencies(seconds)
    time.sleep(0.2)
    compacted = stage.compact(topic)
    busy = json.loads(producer.communicate()[0])
    return {"compaction": compacted, "produce_without": quiet, "produce_with": busy}


def median(rounds, part):
    """The middle of what the producer saw in the rounds, percentile by percentile."""
    return {name: statistics.median(one[part][name] for one in rounds) for name in ("p50", "p99")}


def show(run, alone, memory, quiet, busy):
    before, after = (alone[f"bytes_{when}"] / 1e9 for when in ("before", "after"))
    keys, buffer = run.options.keys, run.options.buffer << 20
    run.note(f"{before:.2f} GB of 1 KiB records with {keys} keys became {after:.2f} GB in {alone['passes']} passes")
    seconds = {"by the clock": alone["seconds"], "per CPU second of its thread": alone["cpu_seconds"]}
    for how, taken in seconds.items():
        run.figure(f"compaction, {how}", before * 1e3 / taken, "MB/s", at_least(RATE / 1e6))
    run.figure(
        f"memory beyond what the broker had ({buffer / 1e6:.0f} MB buffer and 64 MB)",
        memory / 1e6,
        "MB",
        at_most((buffer + MEMORY_BEYOND_BUFFER) / 1e6),
    )
    for when, one in (("without compaction", quiet), ("during compaction", busy)):
        for percentile in ("p50", "p99"):
            run.figure(f"produce {when}, {percentile}", one[percentile] * 1e3, "ms")
    ratio = busy["p99"] / quiet["p99"]
    run.figure("produce p99 during compaction, of that without", ratio, "", at_most(LATENCY_RATIO))
