"""Measures how fast Martlet compacts a log, in how much memory, and what producers notice of it. See --help."""

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import requests
from martlet import Martlet
from processes import resident_bytes, thread_seconds, wait_for_port, warm_up

EXPLANATION = """
A log of 1 KiB records in batches of 16 KiB, uncompressed, one partition, with as many different keys as there are
records in 1 GB, drawn evenly. It is compacted with nothing else to do, and then again, a few times, while a producer
writes to another topic (16 KiB every 2 ms, acks=1), whose latencies are compared with those of a time without
compaction just before: medians of the times. CPU is that of the cleaner's thread, user and system. Memory is the most
that was resident, less what was before the compaction.

Limits: at least 200 MB per second, by the clock and per CPU second; memory at most log.cleaner.dedupe.buffer.size
and 64 MB; the producer's 99th percentile at most twice that without compaction.
"""
RATE = 200e6
MEMORY_BEYOND_BUFFER = 64e6
LATENCY_RATIO = 2.0
BATCH, RECORDS = 16 << 10, 16
PAUSE_MICROSECONDS = 2000


def main():
    options = arguments()
    directory = tempfile.mkdtemp(prefix="bench-", dir=options.directory)
    try:
        report = measure(options, directory)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    show(report)
    if options.json:
        Path(options.json).write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return 1 if options.check and not all(report["within_limits"].values()) else 0


def arguments():
    parser = argparse.ArgumentParser(
        prog="scripts/bench compaction",
        description=__doc__,
        epilog=EXPLANATION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("size", nargs="?", default="1G", help="bytes of the log, such as 64M or 4G (default 1G)")
    parser.add_argument("--keys", type=int, default=1_000_000, metavar="N", help="different keys (default 1000000)")
    parser.add_argument("--buffer", type=int, default=32, metavar="MiB", help="log.cleaner.dedupe.buffer.size (32)")
    parser.add_argument("--repeats", type=int, default=5, metavar="N", help="compactions under a producer (default 5)")
    parser.add_argument("--directory", default=".build", help="where the data goes (default .build)")
    parser.add_argument("--json", metavar="FILE", help="write every figure to FILE")
    parser.add_argument("--check", action="store_true", help="fail if a limit is missed")
    parser.add_argument("--binary", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--tools", required=True, help=argparse.SUPPRESS)
    options = parser.parse_args()
    unit = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}.get(options.size[-1:].upper(), 1)
    digits = options.size[:-1] if unit > 1 else options.size
    if not digits.isdigit():
        parser.error(f"'{options.size}' is not a size such as 64M or 4G")
    options.frames = max(1, int(digits) * unit // BATCH)
    return options


class Stage:
    """A broker and the clients that the measurement needs."""

    def __init__(self, options, directory):
        self.options = options
        settings = {
            "log.cleaner.dedupe.buffer.size": options.buffer << 20,
            "log.retention.ms": -1,
            "log.segment.delete.delay.ms": 0,
        }
        self.martlet = Martlet(options.binary, f"{directory}/data", **settings)
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
        self.client("table", topic, self.options.frames, 5, 1, self.options.keys).communicate()
        warm_up(self.martlet.data, self.options.frames * BATCH)

    def client(self, mode, topic, frames, *rest):
        shape = [topic, 1, frames, BATCH, RECORDS, *rest]
        command = [f"{self.options.tools}/client", mode, "127.0.0.1", self.martlet.port, *shape]
        return subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, text=True)

    def latencies(self, seconds):
        """A producer for about so many seconds."""
        return self.client("latency", "events", int(seconds * 1e6 / (PAUSE_MICROSECONDS + 300)), PAUSE_MICROSECONDS, 1)

    def compact(self, topic):
        """Compacts and returns what the command says, with seconds, CPU seconds and memory."""
        cleaner = self.cleaner()
        peak = before = resident_bytes(self.pid)
        cpu, start = thread_seconds(self.pid, cleaner), time.monotonic()
        command = [self.options.binary, "compact", topic, "--wait", "--json", "-b", f"127.0.0.1:{self.martlet.port}"]
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


def measure(options, directory):
    stage = Stage(options, directory)
    try:
        stage.create("events", {})
        progress("filling")
        stage.fill("alone")
        progress("compacting")
        alone = stage.compact("alone")
        rounds = [compact_under_load(stage, f"loaded-{number}", alone["seconds"]) for number in range(options.repeats)]
        progress("")
    finally:
        stage.martlet.stop()
    return summarise(options, alone, rounds)


def compact_under_load(stage, topic, seconds):
    """A producer's latencies without and with a compaction, one after the other, and what the compaction did."""
    progress(f"{topic}: filling")
    stage.fill(topic)
    progress(f"{topic}: producing without compaction")
    quiet = json.loads(stage.latencies(seconds + 2).communicate()[0])
    progress(f"{topic}: producing and compacting")
    producer = stage.latencies(seconds)
    time.sleep(0.2)
    compacted = stage.compact(topic)
    busy = json.loads(producer.communicate()[0])
    return {"compaction": compacted, "produce_without": quiet, "produce_with": busy}


def median(rounds, part):
    """The middle of what the producer saw in the rounds, percentile by percentile."""
    return {name: statistics.median(one[part][name] for one in rounds) for name in ("p50", "p99")}


def summarise(options, alone, rounds):
    quiet, busy = median(rounds, "produce_without"), median(rounds, "produce_with")
    size = alone["bytes_before"]
    figures = {
        "bytes_per_second": size / alone["seconds"],
        "bytes_per_cpu_second": size / alone["cpu_seconds"],
        "memory_bytes": max(one["memory_bytes"] for one in [alone, *(round["compaction"] for round in rounds)]),
        "latency_ratio": busy["p99"] / quiet["p99"],
    }
    version = subprocess.run([options.binary, "--version"], capture_output=True, text=True, check=False)
    return {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Linux {platform.release()}",
        "version": version.stdout.strip(),
        "keys": options.keys,
        "buffer_bytes": options.buffer << 20,
        "alone": alone,
        "rounds": rounds,
        "produce_without": quiet,
        "produce_with": busy,
        "figures": figures,
        "within_limits": {
            "rate": min(figures["bytes_per_second"], figures["bytes_per_cpu_second"]) >= RATE,
            "memory": figures["memory_bytes"] <= (options.buffer << 20) + MEMORY_BEYOND_BUFFER,
            "latency": figures["latency_ratio"] <= LATENCY_RATIO,
        },
    }


def progress(text):
    """One line that changes, where there is a terminal; nothing elsewhere."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\033[K{text}")
        sys.stderr.flush()


def show(report):
    alone, figures, within = report["alone"], report["figures"], report["within_limits"]
    print(f"{report['machine']}; {report['version']}")
    print(
        f"{alone['bytes_before'] / 1e9:.2f} GB of 1 KiB records with {report['keys']} keys became "
        f"{alone['bytes_after'] / 1e9:.2f} GB in {alone['passes']} passes\n"
    )
    for name, key in (("by the clock", "bytes_per_second"), ("per CPU second of its thread", "bytes_per_cpu_second")):
        line(f"Compaction, {name}", f"{figures[key] / 1e6:.0f} MB/s", within["rate"])
    limit = f"at most {report['buffer_bytes'] / 1e6:.0f} MB buffer + 64 MB"
    line(f"Memory, {limit}", f"{figures['memory_bytes'] / 1e6:.0f} MB", within["memory"])
    for name, key in (("without compaction", "produce_without"), ("during compaction", "produce_with")):
        one = report[key]
        line(f"Produce {name}, p50 and p99", f"{one['p50'] * 1e3:.2f} and {one['p99'] * 1e3:.2f} ms", None)
    line("Produce p99 during compaction, of that without", f"{figures['latency_ratio']:.2f}", within["latency"])


def line(what, figure, is_within):
    print(f"{what:56}{figure:>20}{'' if is_within is None else '   ok' if is_within else '   MISSED'}")


if __name__ == "__main__":
    sys.exit(main())
