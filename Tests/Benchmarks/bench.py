"""Measures Martlet against bare loops in C that do only what must be done with the bytes. See --help."""

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

from contenders import Broker, Loops, Shape
from limits import COLD_START, FETCH, IDLE_MEMORY, PRODUCE, show
from martlet import Martlet
from processes import resident_bytes, warm_up

EXPLANATION = """
Both are sent the same bytes by the same client over loopback: produce requests with one valid batch of 1 MiB each, five
in flight, acks=1; then fetch requests for 1 MiB of warm data, one at a time. The bare loops run one thread: receive,
CRC32C (ISA-L), pwrite; and sendfile. They take turns, with the page cache warmed up before each; figures are medians.
CPU is that of the server's process alone, user and system.

Limits: fetch at least 0.85 of the loop's bytes per CPU second; produce at most 1.5 times its CPU seconds per GB;
cold start under 100 ms; idle memory under 30 MB.
"""
START_ROUNDS = 9


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
        prog="scripts/bench",
        description=__doc__,
        epilog=EXPLANATION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("size", nargs="?", default="1G", help="bytes per pass, such as 512M or 4G (default 1G)")
    parser.add_argument("--repeats", type=int, default=5, metavar="N", help="passes of each (default 5)")
    parser.add_argument("--records", type=int, default=1024, metavar="N", help="records in each batch (default 1024)")
    parser.add_argument("--partitions", type=int, default=4, metavar="N", help="partitions (default 4)")
    parser.add_argument("--directory", default=".build", help="where the data goes (default .build)")
    parser.add_argument("--json", metavar="FILE", help="write every figure to FILE")
    parser.add_argument("--check", action="store_true", help="fail if a limit is missed")
    parser.add_argument("--against", metavar="HOST:PORT", help="measure this broker too, whatever its make")
    parser.add_argument("--against-pid", type=int, metavar="PID", help="its process")
    parser.add_argument("--binary", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--tools", required=True, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if bool(options.against) != bool(options.against_pid):
        parser.error("--against and --against-pid belong together")
    options.frames = max(options.partitions, size_of(parser, options.size) >> 20)
    return options


def size_of(parser, words):
    try:
        unit = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}.get(words[-1:].upper(), 0)
        return int(words[:-1]) * unit if unit else int(words)
    except ValueError:
        parser.error(f"'{words}' is not a size such as 512M or 4G")


def progress(text):
    """One line that changes, where there is a terminal; nothing elsewhere."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\033[K{text}")
        sys.stderr.flush()


def measure(options, directory):
    starts, idle = measure_start(options, directory)
    shape = Shape(frames=options.frames, records=options.records, partitions=options.partitions)
    martlet = Martlet(options.binary, f"{directory}/data")
    martlet.start()
    try:
        contenders = [
            Loops(options.tools, shape, directory),
            Broker(options.tools, shape, "Martlet", "127.0.0.1", martlet.port, martlet.pid),
        ]
        if options.against:
            host, port = options.against.rsplit(":", 1)
            contenders.append(Broker(options.tools, shape, options.against, host, int(port), options.against_pid))
        samples = take_turns(contenders, options.repeats, directory, shape)
        resident_after = resident_bytes(martlet.pid)
    finally:
        martlet.stop()
    return summarise(options, shape, starts, idle, resident_after, samples)


def measure_start(options, directory):
    """Seconds to the first answer on empty directories, and the memory of a broker that idles after it."""
    starts, idle = [], []
    for number in range(START_ROUNDS):
        progress(f"cold start {number + 1} of {START_ROUNDS}")
        martlet = Martlet(options.binary, f"{directory}/start-{number}")
        starts.append(martlet.start())
        if number == START_ROUNDS - 1:
            time.sleep(1)
        idle.append(resident_bytes(martlet.pid))
        martlet.stop()
    return starts, idle


def take_turns(contenders, repeats, directory, shape):
    samples = {contender.name: {"produce": [], "fetch": []} for contender in contenders}
    for number in range(repeats):
        # Who goes first changes, so that whatever one leaves behind does not always meet the same other.
        for contender in contenders if number % 2 == 0 else reversed(contenders):
            progress(f"pass {number + 1} of {repeats}: {contender.name}")
            warm_up(directory, shape.size)
            produced, fetched = contender.produce_and_fetch()
            samples[contender.name]["produce"].append(produced)
            samples[contender.name]["fetch"].append(fetched)
    progress("")
    return samples


def summarise(options, shape, starts, idle, resident_after, samples):
    medians = {
        name: {
            mode: {
                "gigabytes_per_second": statistics.median(one.gigabytes_per_second for one in taken),
                "cpu_seconds_per_gigabyte": statistics.median(one.cpu_per_gigabyte for one in taken),
            }
            for mode, taken in modes.items()
        }
        for name, modes in samples.items()
    }

    def cost(name, mode):
        return medians[name][mode]["cpu_seconds_per_gigabyte"]

    ratios = {
        name: {
            "produce_cpu_per_byte": cost(name, "produce") / cost("C loop", "produce"),
            "fetch_bytes_per_cpu": cost("C loop", "fetch") / cost(name, "fetch"),
        }
        for name in samples
        if name != "C loop"
    }
    ours = ratios["Martlet"]
    return {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Linux {platform.release()}",
        "version": subprocess.run(
            [options.binary, "--version"], capture_output=True, text=True, check=False
        ).stdout.strip(),
        "bytes_per_pass": shape.size,
        "records_per_batch": shape.records,
        "partitions": shape.partitions,
        "repeats": options.repeats,
        "cold_start_seconds": {"median": statistics.median(starts), "all": starts},
        "resident_bytes": {"idle": idle[-1], "after_the_load": resident_after},
        "medians": medians,
        "samples": {
            name: {mode: [vars(one) for one in taken] for mode, taken in modes.items()}
            for name, modes in samples.items()
        },
        "ratios": ratios,
        "within_limits": {
            "fetch": ours["fetch_bytes_per_cpu"] >= FETCH,
            "produce": ours["produce_cpu_per_byte"] <= PRODUCE,
            "cold_start": statistics.median(starts) < COLD_START,
            "idle_memory": idle[-1] < IDLE_MEMORY,
        },
    }


if __name__ == "__main__":
    sys.exit(main())
