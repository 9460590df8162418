"""Measures Martlet against loops in C that do only what must be done with the bytes; cold start and idle memory."""

import statistics
import time

from contenders import Broker, Loops, Shape
from martlet import Martlet
from processes import resident_bytes, warm_up
from scenario import Scenario, at_least, at_most, size, spread, turns

PROGRAMS = ("loops", "client")

START_ROUNDS = 9
SMOKE_ROUNDS = 1


class Bounds(Scenario):
    explanation = """
Both are sent the same bytes by the same client over loopback: produce requests with one valid batch of 1 MiB each, five
in flight, acks=1; then fetch requests for 1 MiB of warm data, one at a time. The bare loops run one thread: receive,
CRC32C (ISA-L), pwrite; and sendfile. They take turns, with the page cache warmed up before each; figures are medians.
CPU is that of the server's process alone, user and system.

Limits: fetch at least 0.85 of the loop's bytes per CPU second; produce at most 1.5 times its CPU seconds per GB;
cold start under 100 ms; idle memory under 30 MB.
"""
    repeats = 5
    smoke = {"size": 8 << 20}

    def add_arguments(self, parser):
        what = "bytes per pass, such as 512M or 4G (default 1G)"
        parser.add_argument("size", nargs="?", type=size, default=1 << 30, help=what)
        parser.add_argument("--records", type=int, default=1024, metavar="N", help="records in a batch (default 1024)")
        parser.add_argument("--partitions", type=int, default=4, metavar="N", help="partitions (default 4)")
        parser.add_argument("--against", metavar="HOST:PORT", help="measure this broker too, whatever its make")
        parser.add_argument("--against-pid", type=int, metavar="PID", help="its process")

    def check_arguments(self, parser, options):
        if bool(options.against) != bool(options.against_pid):
            parser.error("--against and --against-pid belong together")

    def measure(self, run):
        options = run.options
        starts, idle = measure_start(run)
        frames = max(options.partitions, options.size >> 20)
        shape = Shape(frames=frames, records=options.records, partitions=options.partitions)
        with Martlet(run.binary, run.directory / "data") as martlet:
            martlet.start()
            contenders = [
                Loops(run.tools, shape, run.directory),
                Broker(run.tools, shape, "Martlet", "127.0.0.1", martlet.port, martlet.pid),
            ]
            if options.against:
                host, port = options.against.rsplit(":", 1)
                contenders.append(Broker(run.tools, shape, options.against, host, int(port), options.against_pid))
            samples = take_turns(run, contenders, shape)
            resident_after = resident_bytes(martlet.pid)
            martlet.stop()
        report(run, shape, samples)
        run.figure("cold start to the first answered Metadata", statistics.median(starts) * 1e3, "ms", at_most(100))
        run.figure("resident memory, idle", idle[-1] / 1e6, "MB", at_most(30))
        run.figure("resident memory, after the load", resident_after / 1e6, "MB")
        return {
            "bytes_per_pass": shape.size,
            "cold_start_seconds": spread(starts),
            "resident_bytes": {"idle": idle[-1], "after_the_load": resident_after},
            "samples": {
                name: {mode: [vars(one) for one in taken] for mode, taken in modes.items()}
                for name, modes in samples.items()
            },
        }


def measure_start(run):
    """Seconds to the first answer on empty directories, and the memory of a broker that idles after it."""
    starts, idle = [], []
    rounds = SMOKE_ROUNDS if run.is_smoke else START_ROUNDS
    for number in range(rounds):
        run.progress(f"cold start {number + 1} of {rounds}")
        with Martlet(run.binary, run.directory / f"start-{number}") as martlet:
            starts.append(martlet.start())
            if number == rounds - 1:
                time.sleep(1)
            idle.append(resident_bytes(martlet.pid))
            martlet.stop()
    return starts, idle


def take_turns(run, contenders, shape):
    samples = {contender.name: {"produce": [], "fetch": []} for contender in contenders}
    for number, contender in turns(contenders, run.options.repeats):
        run.progress(f"pass {number + 1} of {run.options.repeats}: {contender.name}")
        warm_up(run.directory, shape.size)
        produced, fetched = contender.produce_and_fetch()
        samples[contender.name]["produce"].append(produced)
        samples[contender.name]["fetch"].append(fetched)
    return samples


def report(run, shape, samples):
    speed = {
        name: {mode: statistics.median(one.gigabytes_per_second for one in taken) for mode, taken in modes.items()}
        for name, modes in samples.items()
    }
    cost = {
        name: {mode: statistics.median(one.cpu_per_gigabyte for one in taken) for mode, taken in modes.items()}
        for name, modes in samples.items()
    }
    batches = f"batches of 1 MiB with {shape.records} records, {shape.partitions} partitions"
    run.note(f"{shape.size / 1e9:.2f} GB per pass in {batches}, medians of {run.options.repeats}")
    columns = ["", "produce GB/s", "CPU s/GB", "fetch GB/s", "CPU s/GB"]
    modes = ("produce", "fetch")
    run.table(
        "", columns, [[name, *(part[name][mode] for mode in modes for part in (speed, cost))] for name in samples]
    )
    for name in samples:
        if name != "C loop":
            is_ours = name == "Martlet"
            ratio = cost[name]["produce"] / cost["C loop"]["produce"]
            run.figure(f"{name}, produce: CPU per byte, of the C loop's", ratio, "", at_most(1.5) if is_ours else None)
            ratio = cost["C loop"]["fetch"] / cost[name]["fetch"]
            what = f"{name}, fetch: bytes per CPU second, of the C loop's"
            run.figure(what, ratio, "", at_least(0.85) if is_ours else None)
