"""Measures how long Martlet takes to serve everything again after a stop: many partitions, or much data. See --help."""

import argparse
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import requests
from martlet import Martlet
from processes import PATIENCE_SECONDS, resident_bytes, wait_for_port

EXPLANATION = """
Makes the partitions and fills them through the broker, then starts it again twice: after a clean stop, and after
kill -9 right behind a round of produce requests. From the start of the process it takes the time to the first answer to
Metadata, and to the moment when every partition has answered ListOffsets with no error and the offset that it must
have. Memory, open files and mappings are the process's own after that.

Limits, for 10,000 partitions: 1 s after a clean stop, 3 s after kill -9, 300 MB. How long the clean stop itself takes,
after each partition was written, is told as well.
"""
PER_TOPIC = 100
# Seconds until all partitions answer, at most, and bytes resident: for up to so many partitions.
LIMITS = {"partitions": 10_000, "clean": 1.0, "killed": 3.0, "resident": 300e6}
LIST_OFFSETS, LATEST = 2, -1
RETRIABLE = {5, 6}  # LEADER_NOT_AVAILABLE, NOT_LEADER_OR_FOLLOWER


def main():
    options = arguments()
    directory = tempfile.mkdtemp(prefix="restart-", dir=options.directory)
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
        prog="scripts/bench restart",
        description=__doc__,
        epilog=EXPLANATION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--partitions", type=int, default=10_000, metavar="N", help="partitions (default 10000)")
    parser.add_argument("--bytes", type=int, default=0, metavar="N", help="bytes of records (default: a few each)")
    parser.add_argument("--directory", default=".build", help="where the data goes (default .build)")
    parser.add_argument("--json", metavar="FILE", help="write every figure to FILE")
    parser.add_argument("--check", action="store_true", help="fail if a limit is missed")
    parser.add_argument("--binary", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--tools", required=True, help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.topics = [
        (f"restart-{number}", min(PER_TOPIC, options.partitions - number * PER_TOPIC))
        for number in range((options.partitions + PER_TOPIC - 1) // PER_TOPIC)
    ]
    return options


def measure(options, directory):
    with Martlet(options.binary, f"{directory}/data") as martlet:
        report = {"partitions": options.partitions, "bytes": options.bytes, "create_seconds": create(options, martlet)}
        fill(options, martlet)
        ends = offsets(options, martlet)
        stopped = martlet.stop()
        report["clean"] = {**restart(options, martlet, ends), "seconds_to_stop": stopped}
        fill(options, martlet, share=10)
        ends = offsets(options, martlet)
        time.sleep(1.5)  # A checkpoint is at most a second old.
        fill(options, martlet, share=100)
        martlet.kill()
        report["killed"] = {**restart(options, martlet, ends), "seconds_to_stop": 0}
        martlet.stop()
    report["within_limits"] = {}
    if options.partitions <= LIMITS["partitions"]:
        report["within_limits"] = {
            "clean": report["clean"]["seconds_to_all"] <= LIMITS["clean"],
            "killed": report["killed"]["seconds_to_all"] <= LIMITS["killed"],
            "resident": report["killed"]["resident_bytes"] <= LIMITS["resident"],
        }
    return report


def create(options, martlet):
    martlet.start()
    started = time.monotonic()
    with wait_for_port(martlet.port) as connection:
        for name, partitions in options.topics:
            requests.create_topic(connection, name, partitions, {})
    return time.monotonic() - started


def fill(options, martlet, share=1):
    """Produces into every partition: batches of 1 KiB, or of 1 MiB where there is much to write."""
    for name, partitions in options.topics:
        size, count = 1024, partitions
        if options.bytes:
            size = 1 << 20
            count = max(1, options.bytes * partitions // options.partitions // size // share)
        command = [Path(options.tools) / "client", "produce", "127.0.0.1", martlet.port, name]
        command += [partitions, count, size, max(1, size // 1024 * 8), 5, 1]
        subprocess.run([str(word) for word in command], check=True, stdout=subprocess.DEVNULL)


def offsets(options, martlet, least={}):  # noqa: B006 - never changed
    """The ends of all partitions, by topic; asked again until none is missing."""
    ends = {}
    deadline = time.monotonic() + PATIENCE_SECONDS
    with wait_for_port(martlet.port) as connection:
        for name, partitions in options.topics:
            missing = list(range(partitions))
            while missing:
                answers = list_offsets(connection, name, missing)
                for partition, (error, offset) in answers.items():
                    if not error and offset < least.get((name, partition), 0):
                        raise RuntimeError(f"{name}-{partition} ends at {offset}, which is less than before")
                    if not error:
                        ends[name, partition] = offset
                    elif error not in RETRIABLE:
                        raise RuntimeError(f"{name}-{partition}: error {error}")
                missing = [partition for partition, (error, _) in answers.items() if error]
                if missing:
                    if time.monotonic() > deadline:
                        raise TimeoutError(f"{name} does not answer for {missing}")
                    time.sleep(0.002)
    return ends


def list_offsets(connection, name, partitions):
    body = struct.pack(">ii", -1, 1) + requests.text(name) + struct.pack(">i", len(partitions))
    body += b"".join(struct.pack(">iq", partition, LATEST) for partition in partitions)
    answer = requests.call(connection, LIST_OFFSETS, 1, body)
    position = 4 + 2 + len(name) + 4
    found = {}
    for _ in partitions:
        partition, error, _, offset = struct.unpack_from(">ihqq", answer, position)
        found[partition] = (error, offset)
        position += 22
    return found


def restart(options, martlet, ends):
    started = time.monotonic()
    first = martlet.start()
    offsets(options, martlet, ends)
    seconds = time.monotonic() - started
    pid = martlet.pid
    with open(f"/proc/{pid}/maps", encoding="utf-8") as maps:
        mappings = sum(1 for _ in maps)
    return {
        "seconds_to_first": first,
        "seconds_to_all": seconds,
        "resident_bytes": resident_bytes(pid),
        "descriptors": len(os.listdir(f"/proc/{pid}/fd")),
        "mappings": mappings,
    }


def show(report):
    data = f", {report['bytes'] / 1e9:.2f} GB" if report["bytes"] else ""
    print(f"{report['partitions']} partitions{data}; made in {report['create_seconds']:.2f} s\n")
    print(f"{'':14}{'stop':>12}{'Metadata':>12}{'all answer':>12}{'memory':>12}{'descriptors':>14}{'mappings':>12}")
    for key, name in (("clean", "clean stop"), ("killed", "kill -9")):
        one = report[key]
        seconds = (one[f"seconds_to_{what}"] for what in ("stop", "first", "all"))
        cells = "".join(f"{figure:10.3f} s" for figure in seconds) + f"{one['resident_bytes'] / 1e6:9.1f} MB"
        print(f"{name:14}{cells}{one['descriptors']:14}{one['mappings']:12}")
    missed = [name for name, is_within in report["within_limits"].items() if not is_within]
    if missed:
        print(f"\nMISSED: {', '.join(missed)}")


if __name__ == "__main__":
    sys.exit(main())
