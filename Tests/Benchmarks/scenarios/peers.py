"""Measures Martlet beside other servers that keep streams: NATS JetStream, Redis streams, RabbitMQ streams."""

from contextlib import ExitStack
from dataclasses import dataclass

from charts import Axis, Series, chart
from loads import calm, run_load
from network import enter_unpaced
from processes import memory_bytes, warm_up
from rivals import RIVALS, OurBroker
from scenario import Scenario, at_most, size, spread, turns

PROGRAMS = ("peer",)
PACKAGES = ("nats-server", "redis-server", "rabbitmq-server")

OURS = "kafka"
PERCENTILES = {"p50": 50, "p90": 90, "p99": 99, "p999": 99.9}
# Records in a request where the protocol has such, and records unconfirmed: for 1 KB, and for 100 B.
BATCHES = {
    "kafka": {1000: (1000, 5000), 100: (8000, 40_000)},
    "rabbit": {1000: (100, 10_000), 100: (1000, 20_000)},
    "nats": {1000: (1, 5000), 100: (1, 20_000)},
    "redis": {1000: (1, 5000), 100: (1, 20_000)},
}
SINGLE_WINDOW = 100


@dataclass(frozen=True)
class Case:
    name: str
    title: str
    bytes: int
    mode: str = "produce"
    # Of the size of a pass.
    share: int = 1
    is_single: bool = False
    # Records a second, where it is the latency that is measured.
    rate: int = 0


CASES = (
    Case("produce", "publish 1 KB", 1000),
    Case("small", "publish 100 B", 100, share=4),
    Case("single", "publish 200 B, one per request", 200, share=32, is_single=True),
    Case("consume", "consume 1 KB", 1000, mode="consume"),
    Case("latency-1000", "end to end at 1,000/s", 1000, mode="latency", rate=1000),
    Case("latency-10000", "end to end at 10,000/s", 1000, mode="latency", rate=10_000),
)


class Peers(Scenario):
    explanation = """
Every server is sent the same values by the same client (peer.c), which speaks each protocol itself: one thread, one
connection to publish, one to consume, one stream (a topic of one partition). Each runs alone in a directory of its own
with default settings but for those that make the promises alike: a record is confirmed when it is in the page cache.

  produce  1 KB records as fast as they are confirmed, in batches where the protocol has them: 1,000 in a request of
           Kafka's protocol with five requests in flight, 100 in one of RabbitMQ's with 10,000 records unconfirmed.
           JetStream and Redis confirm every record by itself, with 5,000 of them in flight
  small    the same with 100 B: 8,000 and 1,000 in a batch; 40,000 and 20,000 records in flight
  single   200 B records, each in a request of its own and confirmed by itself, 100 in flight
  consume  reads the 1 KB records from the beginning, when they have been read once: fetches of 1 MiB, a push consumer
           with flow control (JetStream), XREAD of a thousand (Redis), chunks for credit (RabbitMQ)
  latency-1000, latency-10000
           so many records of 1 KB a second, each published when it is due; the time from then to its delivery

CPU is that of the server's process, user and system; figures are medians of the passes, in which the servers take turns
with the page cache warmed. Passes of latency in which the client itself woke up too late to send more than one record
in a hundred in time are left out, if there are others. Memory is VmRSS after all of it, when all streams but the last
are deleted, and the most there was (VmHWM): Redis keeps its streams in memory, the others in files.

Where the system's congestion control is BBR, which makes senders wait between packets inside a machine too, all of them
run in a network of their own with Reno, if that is allowed: Martlet would be the only one to choose it by itself.

Installing the servers' packages may start Debian's own services of them, which are not what is measured.
"""
    cases = tuple(case.name for case in CASES)
    repeats = 3
    smoke = {"size": 1 << 20, "seconds": 2, "peer": ["nats", "redis"], "case": ["produce", "consume", "latency-1000"]}

    def add_arguments(self, parser):
        what = "bytes of values per pass, such as 64M (default 256M)"
        parser.add_argument("--size", type=size, default=256 << 20, help=what)
        what = "length of a pass of latency, its first second included (default 10)"
        parser.add_argument("--seconds", type=int, default=10, metavar="N", help=what)
        parser.add_argument("--peer", action="append", choices=RIVALS, help="only this one; may be repeated")

    def check_arguments(self, parser, options):
        if options.seconds < 2:
            parser.error("--seconds must be at least 2: the first one is not counted")

    def measure(self, run):
        run.note(enter_unpaced())
        names = run.options.peer or list(RIVALS)
        cases = [case for case in CASES if case.name in run.cases]
        with ExitStack() as stack:
            run.progress("starting all servers")
            sides = [stack.enter_context(OurBroker(run.binary, run.directory))]
            sides += [stack.enter_context(RIVALS[name](run.directory)) for name in names]
            for side in sides:
                run.progress(f"warming up: {side.name}")
                with side.stream() as stream:
                    run_load([*client(run, side, "produce", stream, 10_000, 1000), *batches(side, CASES[0])])
            samples = {case.name: take_turns(run, case, sides) for case in cases}
            memory = {side.protocol: memory_bytes(side.pid) for side in sides}
            versions = {side.protocol: side.version() for side in sides}
        results = {case.name: summarise(case, samples[case.name]) for case in cases}
        show(run, cases, {side.protocol: side.name for side in sides}, results, memory, versions)
        return {"results": results, "samples": samples, "memory_bytes": memory, "versions": versions}

    def plots(self, report):
        rarity = {key: 1 / (1 - percent / 100) for key, percent in PERCENTILES.items()}
        ticks = tuple((rarity[key], f"{percent:g} %") for key, percent in PERCENTILES.items())
        axes = (Axis("percentile", is_log=True, ticks=ticks), Axis("latency", "ms", is_log=True))
        names = {OURS: "Martlet", **{name: rival.name for name, rival in RIVALS.items()}}
        charts = {}
        for case in CASES:
            found = report["details"]["results"].get(case.name)
            if case.rate and found:
                series = [
                    Series(names[side], [(rarity[key], one[key]["median"]) for key in PERCENTILES])
                    for side, one in found.items()
                ]
                title = f"Latency from end to end at {case.rate:,} records a second, one client for all"
                charts[f"peers-{case.name}.svg"] = chart(title, *axes, series)
        return charts


def client(run, side, mode, stream, records, length):
    return [run.tool("peer"), side.protocol, mode, side.port, stream, records, length]


def batches(side, case):
    return (1, SINGLE_WINDOW) if case.is_single else BATCHES[side.protocol][case.bytes]


def take_turns(run, case, sides):
    samples = {side.protocol: [] for side in sides}
    for number, side in turns(sides, run.options.repeats):
        run.progress(f"{case.name}, pass {number + 1} of {run.options.repeats}: {side.name}")
        samples[side.protocol].append(one_pass(run, case, side))
    return samples


def one_pass(run, case, side):
    records = max(1, run.options.size // case.bytes // case.share)
    if case.rate:
        records = run.options.seconds * case.rate
    warm_up(run.directory, records * case.bytes)
    with side.stream() as stream:
        if case.rate:
            return run_load([*client(run, side, "latency", stream, records, case.bytes), case.rate], side.pid)
        produce = [*client(run, side, "produce", stream, records, case.bytes), *batches(side, case)]
        if case.mode == "produce":
            return run_load(produce, side.pid)
        run_load(produce)
        consume = client(run, side, "consume", stream, records, case.bytes)
        run_load(consume)
        return run_load(consume, side.pid)


def summarise(case, samples):
    """Each server's figures, by name, as spreads over the passes."""
    results = {}
    for side, taken in samples.items():
        results[side] = {"each": spread(one["cpu"] / one["records"] * 1e6 for one in taken)}
        if case.rate:
            counted = calm(taken)
            results[side] |= {key: spread(one[key] for one in counted) for key in (*PERCENTILES, "max", "sent_late")}
            results[side]["calm"] = len(counted)
        else:
            results[side] |= {
                "cost": spread(one["cpu"] / one["bytes"] * 1e9 for one in taken),
                "speed": spread(one["bytes"] / one["seconds"] / 1e6 for one in taken),
                "rate": spread(one["records"] / one["seconds"] for one in taken),
            }
    return results


def show(run, cases, names, results, memory, versions):
    run.note("; ".join(versions[side] for side in names if side != OURS))
    how = f"{run.options.size / 1e9:.2f} GB of values per pass (a quarter of it in records of 100 B)"
    run.note(f"{how}; one stream, one connection; medians of {run.options.repeats}")
    rows, late = [], []
    for case in cases:
        ours = results[case.name][OURS]["each"]["median"]
        for side, one in results[case.name].items():
            if case.rate:
                figures = [one[key]["median"] for key in (*PERCENTILES, "max", "each")]
                late.append([f"{case.title}: {names[side]}", *figures, one["calm"]])
            else:
                middle = [one[key]["median"] for key in ("cost", "each", "speed", "rate")]
                rows.append([f"{case.title}: {names[side]}", *middle, one["each"]["median"] / ours])
        judge(run, case, results[case.name])
    if rows:
        columns = ["", "CPU s/GB", "µs/record", "MB/s", "records/s", "CPU, of Martlet's"]
        run.table("", columns, rows)
    if late:
        columns = ["", "p50 ms", "p90", "p99", "p99.9", "most", "CPU µs/record", "passes"]
        run.table("", columns, late)
    parts = ("VmRSS", "VmHWM")
    rows = [[names[side], *(amount[part] / 1e6 for part in parts)] for side, amount in memory.items()]
    run.table("Memory", ["", "after this, MB", "at most, MB"], rows)


def judge(run, case, results):
    """Martlet beside the best of the others."""
    for key, what in (("p99", "p99"), ("each", "CPU per record")) if case.rate else (("each", "CPU"),):
        others = [one[key]["median"] for side, one in results.items() if side != OURS]
        limit = at_most(1) if key != "each" or not case.rate else None
        ratio = results[OURS][key]["median"] / min(others)
        run.figure(f"{case.title}: {what}, of the best other's", ratio, "", limit, case.name)
