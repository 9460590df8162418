"""Measures what waiting for the disk costs: acks=all with durability=fsync beside durability=page-cache. See --help."""

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import requests
from bench import progress, size_of
from martlet import Martlet
from processes import cpu_seconds, wait_for_port, warm_up

EXPLANATION = """
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


def main():
    options = arguments()
    directory = tempfile.mkdtemp(prefix="durability-", dir=options.directory)
    try:
        report = measure(options, directory)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    show(report)
    if options.json:
        Path(options.json).write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return 1 if options.check and not all(case["within_limit"] is not False for case in report["cases"].values()) else 0


def arguments():
    parser = argparse.ArgumentParser(
        prog="scripts/bench durability",
        description=__doc__,
        epilog=EXPLANATION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("size", nargs="?", default="512M", help="bytes per pass, such as 64M or 2G (default 512M)")
    parser.add_argument("--repeats", type=int, default=5, metavar="N", help="passes of each (default 5)")
    parser.add_argument("--case", action="append", choices=[case.name for case in CASES], help="only this one")
    parser.add_argument("--directory", default=".build", help="where the data goes (default .build)")
    parser.add_argument("--json", metavar="FILE", help="write every figure to FILE")
    parser.add_argument("--check", action="store_true", help="fail if a limit is missed")
    parser.add_argument("--binary", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--tools", required=True, help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.bytes = size_of(parser, options.size)
    return options


def measure(options, directory):
    with Martlet(options.binary, f"{directory}/data") as martlet:
        martlet.start()
        cases = {
            case.name: summarise(case, take_turns(case, options, martlet, directory))
            for case in CASES
            if not options.case or case.name in options.case
        }
        martlet.stop()
    return {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Linux {platform.release()}",
        "version": subprocess.run(
            [options.binary, "--version"], capture_output=True, text=True, check=False
        ).stdout.strip(),
        "bytes_per_pass": options.bytes,
        "repeats": options.repeats,
        "cases": cases,
    }


def take_turns(case, options, martlet, directory):
    samples = {mode: [] for mode in MODES}
    for number in range(options.repeats):
        for mode in MODES if number % 2 == 0 else reversed(MODES):
            progress(f"{case.name}, pass {number + 1} of {options.repeats}: {mode}")
            size = options.bytes // case.share
            warm_up(directory, size)
            samples[mode].append(one_pass(case, options, martlet, f"{case.name}-{mode}-{number}", mode, size))
    progress("")
    return samples


def one_pass(case, options, martlet, topic, mode, size):
    count = max(case.depth * case.connections, size // (case.batch_bytes * case.batches))
    with wait_for_port(martlet.port) as connection:
        requests.create_topic(connection, topic, case.partitions, {"durability": mode, "file.delete.delay.ms": "0"})
        try:
            # The first sync of a partition includes its directory.
            produce(case, options, martlet, topic, count=case.partitions // case.batches, depth=1, connections=1)
            before = cpu_seconds(martlet.pid)
            result = produce(case, options, martlet, topic, count, case.depth, case.connections)
            return {**result, "cpu": cpu_seconds(martlet.pid) - before}
        finally:
            requests.delete_topic(connection, topic)


def produce(case, options, martlet, topic, count, depth, connections):
    numbers = [case.partitions, count, case.batch_bytes, case.records, case.batches, depth, connections, -1]
    command = [f"{options.tools}/producers", "127.0.0.1", str(martlet.port), topic, *map(str, numbers)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{case.name}: {done.stderr.strip()}")
    return json.loads(done.stdout)


def summarise(case, samples):
    medians = {
        mode: {
            "megabytes_per_second": statistics.median(one["bytes"] / one["seconds"] / 1e6 for one in taken),
            "cpu_seconds_per_gigabyte": statistics.median(one["cpu"] / one["bytes"] * 1e9 for one in taken),
            "p50_milliseconds": statistics.median(one["p50"] for one in taken),
            "p99_milliseconds": statistics.median(one["p99"] for one in taken),
        }
        for mode, taken in samples.items()
    }
    ratio = medians["fsync"]["megabytes_per_second"] / medians["page-cache"]["megabytes_per_second"]
    return {
        "medians": medians,
        "ratio": ratio,
        "limit": case.limit,
        "within_limit": None if case.limit is None else ratio >= case.limit,
        "samples": samples,
    }


def show(report):
    print(f"{report['machine']}; {report['version']}")
    print(f"{report['bytes_per_pass'] / 1e9:.2f} GB per pass, medians of {report['repeats']}\n")
    print(f"{'':24}{'MB/s':>10}{'CPU s/GB':>10}{'p50 ms':>10}{'p99 ms':>10}")
    for name, case in report["cases"].items():
        for mode, figures in case["medians"].items():
            cells = "".join(f"{figure:10.2f}" for figure in figures.values())
            print(f"{f'{name}, {mode}':24}{cells}")
        verdict = ""
        if case["limit"] is not None:
            verdict = f"   {'ok' if case['within_limit'] else 'MISSED'}, at least {case['limit']:.2f}"
        print(f"{f'{name}, fsync of page-cache':54}{case['ratio']:10.2f}{verdict}\n")


if __name__ == "__main__":
    sys.exit(main())
