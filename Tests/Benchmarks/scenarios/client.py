"""Measures MartletClient beside librdkafka on the same broker: records per CPU second, and latency."""

import json
import statistics
import subprocess
from pathlib import Path

import requests
from martlet import Martlet
from processes import wait_for_port
from scenario import Scenario, at_least, at_most

PROGRAMS = ("librdkafka",)
PRODUCTS = ("client-load",)

SIDES = ["MartletClient", "librdkafka"]
RECORD_BYTES = 100
PARTITIONS = 4
RATE = 1000
CASES = ("produce", "consume", "latency")


class Client(Scenario):
    explanation = """
Both clients do the same work for the same broker, in turns; figures are medians, and CPU is that of the client's
process alone, user and system.

  produce  one idempotent producer with acks=all and linger.ms=5 sends records of 100 bytes to 4 partitions and hears of
           each delivery. Limit: as many records per CPU second as librdkafka
  consume  reads what librdkafka's pass has written, from the beginning, in batches, with checksums compared. Likewise
  latency  sends 1,000 records a second with linger.ms=0; the time from the call to its acknowledgement. Limit: the 99th
           percentile is no later than librdkafka's

librdkafka is used through its C library, by Tests/Benchmarks/librdkafka.c; Tests/Benchmarks/ClientLoad is the same in
Swift.
"""
    repeats = 5
    smoke = {"records": 10_000, "seconds": 1}

    def add_arguments(self, parser):
        parser.add_argument("--records", type=int, default=3_000_000, metavar="N", help="per pass (default 3,000,000)")
        parser.add_argument("--seconds", type=int, default=5, metavar="N", help="of a pass of latency (default 5)")

    def measure(self, run):
        samples = {case: {side: [] for side in SIDES} for case in CASES}
        with Martlet(run.binary, run.directory / "data") as martlet:
            martlet.start()
            with wait_for_port(martlet.port) as connection:
                for number in range(run.options.repeats):
                    one_round(run, Round(run, martlet.port, number, samples), connection)
            martlet.stop()
        run.note(f"{run.options.records:,} records of {RECORD_BYTES} bytes per pass, medians of {run.options.repeats}")
        summarise(run, samples)
        return {"samples": samples}


class Round:
    """One pass of each side and case."""

    def __init__(self, run, port, number, samples):
        self.run, self.address, self.number, self.samples = run, f"127.0.0.1:{port}", number, samples
        # Built beside the broker.
        ours = str(Path(run.binary).parent / "client-load")
        self.programs = {"MartletClient": ours, "librdkafka": run.tool("librdkafka")}

    def measure(self, case, side, topic, *numbers):
        self.run.progress(f"pass {self.number + 1} of {self.run.options.repeats}: {side}, {case}")
        command = [self.programs[side], case, self.address, topic, *map(str, numbers)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{side}, {case}: {done.stderr.strip()}")
        self.samples[case][side].append(json.loads(done.stdout))


def one_round(run, one, connection):
    options, number = run.options, one.number
    sides = SIDES if number % 2 == 0 else SIDES[::-1]
    for side in sides:
        requests.create_topic(connection, f"{side}-{number}", PARTITIONS, {})
        one.measure("produce", side, f"{side}-{number}", options.records, RECORD_BYTES)
    for side in sides:
        one.measure("consume", side, f"librdkafka-{number}", options.records)
    for side in sides:
        one.measure("latency", side, f"{side}-{number}", options.seconds * RATE, RECORD_BYTES, RATE)
    for side in sides:
        requests.delete_topic(connection, f"{side}-{number}")


def summarise(run, samples):
    rows = []
    for case, taken in samples.items():
        middle = {}
        for side, ones in taken.items():
            per_cpu = statistics.median(one["records"] / one["cpu"] for one in ones)
            speed = statistics.median(one["records"] / one["seconds"] for one in ones)
            tail = [
                statistics.median(one[name] for one in ones) if name in ones[0] else None for name in ("p50", "p99")
            ]
            rows.append([f"{case}, {side}", per_cpu, speed, *tail])
            middle[side] = tail[-1] if case == "latency" else per_cpu
        ratio = middle["MartletClient"] / middle["librdkafka"]
        if case == "latency":
            run.figure("99th percentile, of librdkafka's", ratio, "", at_most(1), case)
        else:
            run.figure("records per CPU second, of librdkafka's", ratio, "", at_least(1), case)
    run.table("", ["", "records/CPU s", "records/s", "p50 ms", "p99 ms"], rows)
