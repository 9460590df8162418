"""Measures how long Martlet takes to serve everything again after a stop or kill -9: many partitions, or much data."""

import os
import struct
import subprocess
import time

import requests
from martlet import Martlet
from processes import PATIENCE_SECONDS, resident_bytes, wait_for_port
from scenario import Scenario, at_most

PROGRAMS = ("client",)

PER_TOPIC = 100
# Up to so many partitions there are limits: seconds until all answer, and bytes resident.
LIMITED_PARTITIONS = 10_000
LIMITS = {"clean": at_most(1), "killed": at_most(3), "resident": at_most(300)}
LIST_OFFSETS, LATEST = 2, -1
RETRIABLE = {5, 6}  # LEADER_NOT_AVAILABLE, NOT_LEADER_OR_FOLLOWER


class Restart(Scenario):
    explanation = """
Makes the partitions and fills them through the broker, then starts it again twice: after a clean stop, and after
kill -9 right behind a round of produce requests. From the start of the process it takes the time to the first answer to
Metadata, and to the moment when every partition has answered ListOffsets with no error and the offset that it must
have. Memory, open files and mappings are the process's own after that.

Limits, for 10,000 partitions: 1 s after a clean stop, 3 s after kill -9, 300 MB. How long the clean stop itself takes,
after each partition was written, is told as well.
"""
    smoke = {"partitions": 20}

    def add_arguments(self, parser):
        parser.add_argument("--partitions", type=int, default=10_000, metavar="N", help="partitions (default 10000)")
        parser.add_argument("--bytes", type=int, default=0, metavar="N", help="bytes of records (default: a few each)")

    def check_arguments(self, parser, options):
        options.topics = [
            (f"restart-{number}", min(PER_TOPIC, options.partitions - number * PER_TOPIC))
            for number in range((options.partitions + PER_TOPIC - 1) // PER_TOPIC)
        ]

    def measure(self, run):
        options = run.options
        with Martlet(run.binary, run.directory / "data") as martlet:
            run.progress(f"making {options.partitions} partitions")
            created = create(options, martlet)
            fill(run, martlet)
            ends = offsets(options, martlet)
            run.progress("stopping and starting")
            stopped = martlet.stop()
            clean = {**restart(options, martlet, ends), "seconds_to_stop": stopped}
            fill(run, martlet, share=10)
            ends = offsets(options, martlet)
            time.sleep(1.5)  # A checkpoint is at most a second old.
            fill(run, martlet, share=100)
            run.progress("killing and starting")
            martlet.kill()
            killed = {**restart(options, martlet, ends), "seconds_to_stop": 0}
            martlet.stop()
        show(run, created, clean, killed)
        return {"create_seconds": created, "clean": clean, "killed": killed}


def create(options, martlet):
    martlet.start()
    started = time.monotonic()
    with wait_for_port(martlet.port) as connection:
        for name, partitions in options.topics:
            requests.create_topic(connection, name, partitions, {})
    return time.monotonic() - started


def fill(run, martlet, share=1):
    """Produces into every partition: batches of 1 KiB, or of 1 MiB where there is much to write."""
    options = run.options
    for name, partitions in options.topics:
        size, count = 1024, partitions
        if options.bytes:
            size = 1 << 20
            count = max(1, options.bytes * partitions // options.partitions // size // share)
        command = [run.tool("client"), "produce", "127.0.0.1", martlet.port, name]
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


def show(run, created, clean, killed):
    options = run.options
    data = f", {options.bytes / 1e9:.2f} GB" if options.bytes else ""
    run.note(f"{options.partitions} partitions{data}; made in {created:.2f} s")
    columns = ["", "stop s", "Metadata s", "all answer s", "memory MB", "descriptors", "mappings"]
    rows = []
    for name, one in (("clean stop", clean), ("kill -9", killed)):
        seconds = [one[f"seconds_to_{what}"] for what in ("stop", "first", "all")]
        rows.append([name, *seconds, one["resident_bytes"] / 1e6, one["descriptors"], one["mappings"]])
    run.table("", columns, rows)
    limits = LIMITS if options.partitions <= LIMITED_PARTITIONS else dict.fromkeys(LIMITS)
    run.figure("all partitions answer after a clean stop", clean["seconds_to_all"], "s", limits["clean"])
    run.figure("all partitions answer after kill -9", killed["seconds_to_all"], "s", limits["killed"])
    run.figure("resident memory after kill -9", killed["resident_bytes"] / 1e6, "MB", limits["resident"])
