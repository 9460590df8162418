"""Measures a broker's usual work by real clients: CPU per GB and per record, latency from end to end, memory, start."""

import statistics
import time
from dataclasses import dataclass

from charts import Axis, Series, chart
from loads import calm, run_load
from martlet import Martlet
from processes import memory_bytes, warm_up
from scenario import Scenario, at_least, at_most, size, spread, turns
from sides import BrokerSide, LoopSide, martlet_side

PROGRAMS = ("load", "bound")

PARTITIONS = 6
START_ROUNDS, SMOKE_STARTS = 7, 1
IDEMPOTENT = ("acks=all", "enable.idempotence=true")
OURS, LOOP, ECHO, KAFKA = "Martlet", "C loop", "C echo", "Kafka 4.3.1*"
PERCENTILES = {"p50": 50, "p90": 90, "p99": 99, "p999": 99.9}


@dataclass(frozen=True)
class Case:
    """One workload: what the client does, what Martlet must reach, and what Apache Kafka 4.3.1 was measured to need.

    Kafka's figures are constants, taken on such a machine (2 cores) with the JVM warm, page-cache durability, six
    partitions and librdkafka: the figures that --against gives are the ones to compare with where it matters.
    """

    name: str
    title: str
    mode: str
    bytes: int
    words: tuple = ()
    durability: str = "page-cache"
    # What is judged, by the figure's name.
    goals: tuple = ()
    kafka: tuple = ()
    # Of the size of a pass.
    share: int = 1
    rate: int = 0
    # Whether each record is a request of its own.
    is_single: bool = False


CASES = (
    Case(
        "produce",
        "produce 1 KB, 1 MB batches, acks=1",
        "produce",
        1000,
        ("acks=1",),
        goals=(("cost", at_most(0.60)),),
        kafka=(("cost", 3.1), ("speed", 277)),
    ),
    Case(
        "idempotent",
        "produce 1 KB, idempotent, acks=all, page-cache mode",
        "produce",
        1000,
        IDEMPOTENT,
        goals=(("cost", at_most(0.65)),),
        kafka=(("cost", 3.5),),
    ),
    Case(
        "fsync",
        "the same with fsync before the answer",
        "produce",
        1000,
        IDEMPOTENT,
        durability="fsync",
        goals=(("speed", at_least(277)),),
    ),
    Case(
        "keyed",
        "produce 100 B, keyed",
        "produce",
        100,
        ("keyed", "acks=1"),
        goals=(("cost", at_most(0.75)),),
        kafka=(("cost", 4.0), ("each", 0.46)),
        share=2,
    ),
    Case(
        "zstd",
        "produce 1 KB, zstd",
        "produce",
        1000,
        ("text", "acks=1", "compression.type=zstd"),
        goals=(("cost", at_most(0.40)),),
        kafka=(("cost", 2.1),),
    ),
    Case(
        "single",
        "produce 200 B, one per request, linger 0",
        "produce",
        200,
        ("acks=1", "linger.ms=0", "batch.num.messages=1"),
        goals=(("each", at_most(12)),),
        kafka=(("each", 59), ("rate", 13_000)),
        is_single=True,
    ),
    Case(
        "consume",
        "consume 1 KB, warm, large fetches",
        "consume",
        1000,
        goals=(("cost", at_most(0.13)),),
        kafka=(("cost", 0.20), ("speed", 1400)),
    ),
    Case(
        "latency-1000",
        "end to end at 1,000/s, acks=all",
        "latency",
        1000,
        ("producer.linger.ms=0", "producer.acks=all"),
        rate=1000,
        goals=(("p50", at_most(0.20)), ("p99", at_most(0.6)), ("p999", at_most(2))),
        kafka=(("p50", 0.36), ("p99", 3.3), ("p999", 35)),
    ),
    Case(
        "latency-10000",
        "end to end at 10,000/s, acks=all",
        "latency",
        1000,
        ("producer.linger.ms=0", "producer.acks=all"),
        rate=10_000,
        goals=(("p50", at_most(0.20)), ("p99", at_most(1)), ("p999", at_most(4))),
        kafka=(("p50", 0.33), ("p99", 13), ("p999", 50)),
    ),
)
MEMORY, START = "memory", "start"
UNITS = {
    "cost": ("CPU per GB", "s/GB"),
    "speed": ("throughput", "MB/s"),
    "each": ("CPU per request", "µs"),
    "p50": ("p50", "ms"),
    "p99": ("p99", "ms"),
    "p999": ("p99.9", "ms"),
}


class Workloads(Scenario):
    explanation = """
librdkafka (2.0.2 on Debian 12) with linger.ms=5, batches of up to 1 MB and no limit on what is in flight sends to six
partitions in turn, as fast as it can, on the same machine; `consume` reads the same back, after it has been read once.
GB and MB are 10^9 and 10^6 bytes of values of acknowledged records, before compression. CPU is that of the server's
process alone, user and system. Latency is from the moment at which a record was due, so that a sender who is held up
does not hide it, until the consumer has it; both are threads of one process. Passes in which the client itself woke up
too late to send more than one record in a hundred in time are left out, if there are others: the machine was busy with
something else then. The sides take turns, in alternating
order, with as much of the page cache warmed as will be written; figures are medians of the passes.

The C loop (bound.c) speaks as much of the protocol as this client needs and does only what must be done with the
bytes: receive, CRC32C, pwrite, answer; sendfile. For one record per request there is also one that only answers (C
echo). They get the same requests of the same client. Martlet's data is in the page cache when the answer goes
(durability=page-cache) as Kafka's is, but for `fsync`. Kafka's figures are constants, measured on such a machine with
the JVM warm; --against measures any broker in the same run.

Memory is VmRSS of Martlet after all workloads, with RssAnon, which leaves the binary's own pages out. Start is from the
process's start on an empty directory to the first answered Metadata.
"""
    cases = (*(case.name for case in CASES), MEMORY, START)
    repeats = 3
    smoke = {
        "size": 1 << 20,
        "requests": 500,
        "seconds": 2,
        "case": ["produce", "fsync", "zstd", "single", "consume", "latency-1000", "memory"],
    }

    def add_arguments(self, parser):
        what = "bytes of values per pass, such as 256M (default 1G)"
        parser.add_argument("--size", type=size, default=1 << 30, help=what)
        what = "requests of a pass with one record each (default 100,000)"
        parser.add_argument("--requests", type=int, default=100_000, metavar="N", help=what)
        what = "length of a pass of latency, its first second included (default 20)"
        parser.add_argument("--seconds", type=int, default=20, metavar="N", help=what)
        parser.add_argument("--against", metavar="HOST:PORT", help="measure this broker too, whatever its make")
        parser.add_argument("--against-pid", type=int, metavar="PID", help="its process")
        parser.add_argument("--without-loops", action="store_true", help="leave the C loops out")

    def check_arguments(self, parser, options):
        if bool(options.against) != bool(options.against_pid):
            parser.error("--against and --against-pid belong together")
        if options.seconds < 2:
            parser.error("--seconds must be at least 2: the first one is not counted")

    def measure(self, run):
        cases = [case for case in CASES if case.name in run.cases]
        starts = measure_starts(run) if START in run.cases else []
        with Martlet(run.binary, run.directory / "data", **{"log.durability": "page-cache"}) as martlet:
            martlet.start()
            samples = {case.name: take_turns(run, case, sides(run, martlet, case)) for case in cases}
            time.sleep(1)
            memory = memory_bytes(martlet.pid)
            martlet.stop()
        results = {case.name: summarise(case, samples[case.name]) for case in cases}
        say_how(run)
        show_throughput(run, [case for case in cases if not case.rate], results)
        show_latency(run, [case for case in cases if case.rate], results)
        judge(run, cases, results)
        if MEMORY in run.cases:
            run.figure("after these, resident (VmRSS)", memory["VmRSS"] / 1e6, "MB", at_most(60), MEMORY)
            run.figure("of it the process's own (RssAnon)", memory["RssAnon"] / 1e6, "MB", None, MEMORY)
            run.figure("most at any time (VmHWM)", memory["VmHWM"] / 1e6, "MB", None, MEMORY)
        if starts:
            run.figure("cold start to the first answer", statistics.median(starts) * 1e3, "ms", at_most(100), START)
        return {"results": results, "samples": samples, "memory_bytes": memory, "start_seconds": starts}

    def plots(self, report):
        results = report["details"]["results"]
        return {
            f"workloads-{case.name}.svg": plot(case, results[case.name])
            for case in CASES
            if case.rate and case.name in results
        }


def measure_starts(run):
    """Seconds to the first answer on empty directories."""
    starts = []
    rounds = SMOKE_STARTS if run.is_smoke else START_ROUNDS
    for number in range(rounds):
        run.progress(f"cold start {number + 1} of {rounds}")
        with Martlet(run.binary, run.directory / f"start-{number}") as martlet:
            starts.append(martlet.start())
    return starts


def sides(run, martlet, case):
    found = [martlet_side(martlet)]
    # What a sync costs is the disk's affair: there is no bound but the disk.
    if not run.options.without_loops and case.durability == "page-cache":
        found.append(LoopSide(run.tools, run.directory))
        if case.is_single:
            found.append(LoopSide(run.tools, run.directory, ECHO, "echo"))
    if run.options.against:
        found.append(BrokerSide(run.options.against, run.options.against, run.options.against_pid))
    return found


def take_turns(run, case, contenders):
    samples = {side.name: [] for side in contenders}
    for number, side in turns(contenders, run.options.repeats):
        run.progress(f"{case.name}, pass {number + 1} of {run.options.repeats}: {side.name}")
        samples[side.name].append(one_pass(run, case, side))
    return samples


def one_pass(run, case, side):
    options = run.options
    records = max(PARTITIONS, options.size // case.bytes // case.share)
    if case.is_single:
        records = options.requests
    if case.rate:
        records = options.seconds * case.rate
    warm_up(run.directory, 2 * records * case.bytes if case.is_single else records * case.bytes)
    with side.topic(PARTITIONS, case.durability) as (pid, address, topic):

        def load(mode, *words):
            return run_load([run.tool("load"), mode, address, topic, PARTITIONS, records, case.bytes, *words], pid)

        if case.mode == "consume":
            load("produce", "acks=1")
            load("consume")
        return load(case.mode, *([case.rate] if case.rate else []), *case.words)


def summarise(case, samples):
    """Each side's figures, by name, as spreads over the passes."""
    results = {}
    for name, taken in samples.items():
        results[name] = {"each": spread(one["cpu"] / one["records"] * 1e6 for one in taken)}
        if case.rate:
            counted = calm(taken)
            results[name] |= {key: spread(one[key] for one in counted) for key in (*PERCENTILES, "max", "sent_late")}
            results[name]["calm"] = len(counted)
        else:
            results[name] |= {
                "cost": spread(one["cpu"] / one["bytes"] * 1e9 for one in taken),
                "speed": spread(one["bytes"] / one["seconds"] / 1e6 for one in taken),
                "rate": spread(one["records"] / one["seconds"] for one in taken),
            }
    return results


def say_how(run):
    options = run.options
    run.note(
        f"{options.size / 1e9:.2f} GB of values per pass (half in records of 100 B), {options.requests:,} requests "
        f"of one record, {options.seconds} s of each latency; medians of {options.repeats}; {PARTITIONS} partitions"
    )
    run.note("Kafka's figures (*) were measured before on such a machine, not in this run")


def show_throughput(run, cases, results):
    rows = []
    for case in cases:
        base = results[case.name].get(LOOP)
        for name, one in results[case.name].items():
            key = "each" if case.is_single else "cost"
            ends = f"{one[key]['min']:.3g} – {one[key]['max']:.3g}"
            of_loop = one[key]["median"] / base[key]["median"] if base else None
            of_kafka = one[key]["median"] / dict(case.kafka)[key] if key in dict(case.kafka) else None
            middle = [one[part]["median"] for part in ("cost", "each", "speed", "rate")]
            rows.append([f"{case.name}: {name}", *middle[:2], ends, *middle[2:], of_loop, of_kafka])
        if case.kafka:
            kafka = dict(case.kafka)
            told = [kafka.get("cost"), kafka.get("each"), None, kafka.get("speed"), kafka.get("rate"), None, None]
            rows.append([f"{case.name}: {KAFKA}", *told])
    if rows:
        columns = [
            "",
            "CPU s/GB",
            "µs/record",
            "least – most",
            "MB/s",
            "records/s",
            "of C loop's CPU",
            "of Kafka's CPU",
        ]
        run.table("", columns, rows)


def show_latency(run, cases, results):
    rows = []
    for case in cases:
        for name, one in results[case.name].items():
            figures = [one[key]["median"] for key in (*PERCENTILES, "max", "each")]
            base = results[case.name].get(LOOP)
            ratio = one["p99"]["median"] / base["p99"]["median"] if base else None
            rows.append([f"{case.name}: {name}", *figures, round(one["sent_late"]["median"]), one["calm"], ratio])
        kafka = dict(case.kafka)
        rows.append([f"{case.name}: {KAFKA}", *(kafka.get(key) for key in PERCENTILES), *[None] * 5])
    if rows:
        columns = [
            "",
            "p50 ms",
            "p90",
            "p99",
            "p99.9",
            "most",
            "CPU µs/record",
            "sent late",
            "passes",
            "p99, of C loop's",
        ]
        run.table("", columns, rows)


def judge(run, cases, results):
    for case in cases:
        for key, limit in case.goals:
            what, unit = UNITS[key]
            run.figure(f"{case.title}: {what}", results[case.name][OURS][key]["median"], unit, limit, case.name)


def plot(case, results):
    """Latency against percentiles, which are drawn by how rare the rest is."""
    rarity = {key: 1 / (1 - percent / 100) for key, percent in PERCENTILES.items()}
    series = [Series(name, [(rarity[key], one[key]["median"]) for key in PERCENTILES]) for name, one in results.items()]
    goals = [(rarity[key], limit.goal) for key, limit in case.goals]
    series.append(Series("goal", goals, is_dashed=True))
    series.append(Series(KAFKA, [(rarity[key], value) for key, value in case.kafka], is_dashed=True))
    ticks = tuple((rarity[key], f"{percent:g} %") for key, percent in PERCENTILES.items())
    title = f"Latency from end to end at {case.rate:,} records a second"
    return chart(title, Axis("percentile", is_log=True, ticks=ticks), Axis("latency", "ms", is_log=True), series)
