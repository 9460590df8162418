"""Measures MartletClient beside librdkafka on the same broker: records per CPU second, and latency. See --help."""

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import requests
from bench import progress
from martlet import Martlet
from processes import wait_for_port

EXPLANATION = """
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
CLIENTS = ["MartletClient", "librdkafka"]
RECORD_BYTES = 100
PARTITIONS = 4
RATE = 1000


def main():
    options = arguments()
    directory = tempfile.mkdtemp(prefix="client-", dir=options.directory)
    try:
        report = measure(options, directory)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    show(report)
    if options.json:
        Path(options.json).write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return 1 if options.check and not all(case["within_limit"] for case in report["cases"].values()) else 0


def arguments():
    parser = argparse.ArgumentParser(
        prog="scripts/bench client",
        description=__doc__,
        epilog=EXPLANATION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--records", type=int, default=3_000_000, metavar="N", help="per pass (default 3,000,000)")
    parser.add_argument("--seconds", type=int, default=5, metavar="N", help="of a pass of latency (default 5)")
    parser.add_argument("--repeats", type=int, default=5, metavar="N", help="passes of each (default 5)")
    parser.add_argument("--directory", default=".build", help="where the data goes (default .build)")
    parser.add_argument("--json", metavar="FILE", help="write every figure to FILE")
    parser.add_argument("--check", action="store_true", help="fail if a limit is missed")
    parser.add_argument("--binary", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--tools", required=True, help=argparse.SUPPRESS)
    return parser.parse_args()


def measure(options, directory):
    programs = {"MartletClient": ".build/release/client-load", "librdkafka": f"{options.tools}/librdkafka"}
    samples = {case: {client: [] for client in CLIENTS} for case in ("produce", "consume", "latency")}
    with Martlet(options.binary, f"{directory}/data") as martlet, wait_for_port_of(martlet) as connection:
        address = f"127.0.0.1:{martlet.port}"

        def run(case, client, topic, *numbers):
            progress(f"pass {number + 1} of {options.repeats}: {client}, {case}")
            command = [programs[client], case, address, topic, *map(str, numbers)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                raise RuntimeError(f"{client}, {case}: {done.stderr.strip()}")
            samples[case][client].append(json.loads(done.stdout))

        for number in range(options.repeats):
            clients = CLIENTS if number % 2 == 0 else CLIENTS[::-1]
            for client in clients:
                requests.create_topic(connection, f"{client}-{number}", PARTITIONS, {})
                run("produce", client, f"{client}-{number}", options.records, RECORD_BYTES)
            for client in clients:
                run("consume", client, f"librdkafka-{number}", options.records)
            for client in clients:
                run("latency", client, f"{client}-{number}", options.seconds * RATE, RECORD_BYTES, RATE)
            for client in clients:
                requests.delete_topic(connection, f"{client}-{number}")
        progress("")
        martlet.stop()
    return {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Linux {platform.release()}",
        "version": subprocess.run(
            [options.binary, "--version"], capture_output=True, text=True, check=False
        ).stdout.strip(),
        "records_per_pass": options.records,
        "repeats": options.repeats,
        "cases": {case: summarise(case, taken) for case, taken in samples.items()},
    }


def wait_for_port_of(martlet):
    martlet.start()
    return wait_for_port(martlet.port)


def summarise(case, samples):
    medians = {}
    for client, taken in samples.items():
        figures = {
            "records_per_cpu_second": statistics.median(one["records"] / one["cpu"] for one in taken),
            "records_per_second": statistics.median(one["records"] / one["seconds"] for one in taken),
        }
        if case == "latency":
            figures |= {name: statistics.median(one[name] for one in taken) for name in ("p50", "p99")}
        medians[client] = figures
    ours, theirs = medians["MartletClient"], medians["librdkafka"]
    if case == "latency":
        ratio = ours["p99"] / theirs["p99"]
        within = ratio <= 1
    else:
        ratio = ours["records_per_cpu_second"] / theirs["records_per_cpu_second"]
        within = ratio >= 1
    return {"medians": medians, "ratio": ratio, "within_limit": within, "samples": samples}


def show(report):
    print(f"{report['machine']}; {report['version']}")
    print(f"{report['records_per_pass']:,} records of {RECORD_BYTES} bytes per pass, medians of {report['repeats']}\n")
    print(f"{'':28}{'records/CPU s':>16}{'records/s':>14}{'p50 ms':>10}{'p99 ms':>10}")
    for name, case in report["cases"].items():
        for client, figures in case["medians"].items():
            cells = f"{figures['records_per_cpu_second']:16,.0f}{figures['records_per_second']:14,.0f}"
            cells += "".join(f"{figures[key]:10.2f}" for key in ("p50", "p99") if key in figures)
            print(f"{f'{name}, {client}':28}{cells}")
        what = "99th percentile, of librdkafka's" if name == "latency" else "records per CPU second, of librdkafka's"
        limit = "at most 1.00" if name == "latency" else "at least 1.00"
        print(f"{f'{name}: {what}':58}{case['ratio']:10.2f}   {'ok' if case['within_limit'] else 'MISSED'}, {limit}\n")


if __name__ == "__main__":
    sys.exit(main())
