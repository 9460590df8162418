"""Measures what a request costs where there are many partitions or connections, and what idle ones cost."""

import json
import shutil
import statistics
import subprocess
import time
from contextlib import ExitStack
from dataclasses import dataclass

import requests
from charts import Axis, Series, chart
from martlet import Martlet
from processes import cpu_seconds, free_port, resident_bytes, wait_for_port, wait_until_calm
from scenario import Scenario, at_most, turns

PROGRAMS = ("growth", "echo")

PARTITIONS = (1, 10, 100, 1000, 10_000)
CONNECTIONS = (1, 100, 1000, 10_000)
# Of the cost with the smallest number.
FLAT = 1.5
PARTITION_BYTES = 30e3
CONNECTION_BYTES = 32 << 10
# What a broker with the largest number of either may use while nothing is asked of it.
IDLE_MILLISECONDS = 10
IDLE_SECONDS = 10
TOPIC = "growth"
# Until what follows the first writes is done: they are synced in the background.
CALM_SECONDS = 120


@dataclass(frozen=True)
class Load:
    """Requests of one kind, as the program `growth` takes them; `touched` and `active` follow from the size."""

    name: str
    mode: str
    # Whether a request touches one partition, always the same or the next one, or all of them.
    touches: str = "one"
    # Whether one connection is active or all are in turn.
    is_all_active: bool = False


ON_PARTITIONS = [
    # First, while the partitions are empty: its session has news of one of them only.
    Load("record to a session of all", "follow"),
    Load("produce to one", "produce"),
    Load("produce to each in turn", "produce", "next"),
    Load("fetch from one", "fetch"),
    Load("fetch from each in turn", "fetch", "next"),
    Load("produce to all, per partition", "produce", "all"),
    Load("fetch from all, per partition", "fetch", "all"),
]
ON_CONNECTIONS = [
    Load("produce, one active", "produce"),
    Load("fetch, one active", "fetch"),
    Load("produce, all in turn", "produce", is_all_active=True),
    Load("fetch, all in turn", "fetch", is_all_active=True),
]
BOUND = Load("C loop, all in turn", "produce", is_all_active=True)


class Growth(Scenario):
    explanation = """
partitions   brokers with 1 to 10,000 partitions: a request for one partition of them, for a different one each time,
             for all of them at once (its cost per partition), and a record that a fetch session of all waits for
connections  brokers with 1 to 10,000 connections: one of them is active, or all are, one after the other; the latter
             also with a loop in C that only receives and answers, because the kernel's own cost grows

One request at a time, records of 200 bytes, acks=1, page cache. The brokers of all sizes run side by side and take
turns; figures are medians of the CPU time of the broker's process per request.

Limits: no size costs more than 1.5 times the smallest; an idle partition 30 KB and an idle connection 32 KiB of memory.
"""
    cases = ("partitions", "connections")
    repeats = 5
    smoke = {"most": 10, "requests": 20, "calm": 0}

    def add_arguments(self, parser):
        parser.add_argument("--most", type=int, default=10_000, metavar="N", help="the largest number (default 10,000)")
        parser.add_argument("--requests", type=int, default=2000, metavar="N", help="requests per pass (default 2,000)")
        what = "wait so long at most for the broker to be done with what was written (default 120)"
        parser.add_argument("--calm", type=int, default=CALM_SECONDS, metavar="SECONDS", help=what)

    def measure(self, run):
        run.note(f"CPU per request; {run.options.requests} requests per pass, medians of {run.options.repeats}")
        details = {}
        if "partitions" in run.cases:
            details["partitions"] = measure_partitions(run)
        if "connections" in run.cases:
            details["connections"] = measure_connections(run)
        return details

    def plots(self, report):
        charts = {}
        for what, costs in report["details"].items():
            axes = Axis(what, is_log=True), Axis("CPU of the broker per request", "µs", starts_at_zero=True)
            series = [
                Series(name, sorted((int(size), cost) for size, cost in found.items()), name == BOUND.name)
                for name, found in costs.items()
            ]
            charts[f"growth-{what}.svg"] = chart(f"Cost of a request against the number of {what}", *axes, series)
        return charts


class Client:
    """A process of the program `growth`, which makes as many requests as it is told."""

    def __init__(self, run, load, port, pid, partitions, connections):
        touched = {"one": 0, "next": 1, "all": partitions}[load.touches]
        self.shared = max(1, touched)
        active = connections if load.is_all_active else 1
        command = [run.tool("growth"), load.mode, "127.0.0.1", port, TOPIC, partitions, touched, connections, active]
        self.process = subprocess.Popen(
            [str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.pid = pid
        self.answer()

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the client has ended with status {self.process.wait()}")
        return json.loads(line)

    def cost(self, count):
        """Makes so many requests; the broker's CPU time for each, in microseconds, per partition that it touches."""
        before = cpu_seconds(self.pid)
        self.process.stdin.write(f"{count}\n")
        self.process.stdin.flush()
        self.answer()
        return (cpu_seconds(self.pid) - before) / count / self.shared * 1e6

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Echo:
    """The loop in C that only answers."""

    def __init__(self, run):
        self.port = free_port()
        self.process = subprocess.Popen([run.tool("echo"), str(self.port)], stdout=subprocess.PIPE)
        self.process.stdout.readline()

    @property
    def pid(self):
        return self.process.pid

    def kill(self):
        self.process.kill()
        self.process.wait()


def start_brokers(run, sizes, partitions, stack, name="data"):
    """A broker for each size, with as many partitions as `partitions` says."""
    brokers = {}
    for size in sizes:
        run.progress(f"starting a broker for {size}")
        data = run.directory / f"{name}-{size}"
        broker = stack.enter_context(Martlet(run.binary, data, **{"log.durability": "page-cache"}))
        stack.callback(shutil.rmtree, data, ignore_errors=True)
        broker.start()
        with wait_for_port(broker.port) as connection:
            requests.create_topic(connection, TOPIC, partitions(size), {})
        brokers[size] = broker
    calm(run, brokers.values())
    return brokers


def calm(run, brokers):
    """Waits until the brokers are done with what they do in the background after something was made or written."""
    run.progress("waiting for the brokers to be done with what was written")
    wait_until_calm([broker.pid for broker in brokers], run.options.calm, IDLE_MILLISECONDS)


def take_turns(run, load, servers, partitions, connections):
    """The median cost of a request for each size. All clients are connected first, and stay."""
    clients = {
        size: Client(run, load, server.port, server.pid, partitions(size), connections(size))
        for size, server in servers.items()
    }

    def count(size):
        # As many partitions as all others touch, and each connection at least once.
        least = connections(size) if load.is_all_active else 20
        return max(min(least, run.options.requests), run.options.requests // clients[size].shared, 1)

    samples = {size: [] for size in servers}
    for size, client in clients.items():
        client.cost(count(size))
    for number, size in turns(list(servers), run.options.repeats):
        run.progress(f"{load.name}, pass {number + 1}: {size}")
        samples[size].append(clients[size].cost(count(size)))
    for client in clients.values():
        client.close()
    return {size: statistics.median(costs) for size, costs in samples.items()}


def measure_partitions(run):
    sizes = [size for size in PARTITIONS if size <= run.options.most]
    with ExitStack() as stack:
        brokers = start_brokers(run, sizes, lambda size: size, stack)
        first, last = brokers[sizes[0]], brokers[sizes[-1]]

        def per_partition():
            more = resident_bytes(last.pid) - resident_bytes(first.pid)
            return max(0, more) / (sizes[-1] - sizes[0])

        created = per_partition()
        costs = {}
        for load in ON_PARTITIONS:
            if load.touches == "next" and load.mode == "produce":
                fill(run, brokers)
            costs[load.name] = take_turns(run, load, brokers, lambda size: size, lambda _: 1)
        judge(run, "partitions", ON_PARTITIONS, costs)
        run.figure("memory of an empty partition", created / 1e3, "KB", at_most(PARTITION_BYTES / 1e3), "partitions")
        written = per_partition() / 1e3
        run.figure("memory of a written partition", written, "KB", at_most(PARTITION_BYTES / 1e3), "partitions")
        judge_idleness(run, "partitions", last, sizes[-1])
    show(run, "partitions", sizes, costs)
    return costs


def fill(run, brokers):
    """Gives each partition a record."""
    for size, broker in brokers.items():
        everywhere = Load("", "produce", "all")
        Client(run, everywhere, broker.port, broker.pid, size, 1).close()
    calm(run, brokers.values())


def measure_connections(run):
    sizes = [size for size in CONNECTIONS if size <= run.options.most]
    with ExitStack() as stack:
        brokers = start_brokers(run, sizes, lambda _: 1, stack)
        costs = {}
        for load in ON_CONNECTIONS:
            costs[load.name] = take_turns(run, load, brokers, lambda _: 1, lambda size: size)
        judge(run, "connections", ON_CONNECTIONS, costs)
        loops = {size: Echo(run) for size in sizes}
        for loop in loops.values():
            stack.callback(loop.kill)
        costs[BOUND.name] = take_turns(run, BOUND, loops, lambda _: 1, lambda size: size)
        ratio = max(costs[BOUND.name].values()) / costs[BOUND.name][sizes[0]]
        run.figure(f"{BOUND.name}: of the cost with {sizes[0]}, at most", ratio, "", case="connections")
        measure_idle_connections(run, sizes[-1], stack)
    show(run, "connections", sizes, costs)
    return costs


def measure_idle_connections(run, size, stack):
    """What connections cost that have made a request and make no more, on a broker that knows no others."""
    broker = start_brokers(run, [size], lambda _: 1, stack, "idle")[size]
    # What the first requests bring in is not the connections'.
    Client(run, Load("", "produce"), broker.port, broker.pid, 1, 1).close()
    before = resident_bytes(broker.pid)
    client = Client(run, Load("", "produce"), broker.port, broker.pid, 1, size)
    each = (resident_bytes(broker.pid) - before) / size
    run.figure("memory of an idle connection", each / 1024, "KiB", at_most(CONNECTION_BYTES / 1024), "connections")
    judge_idleness(run, "connections", broker, size)
    client.close()


def judge_idleness(run, what, broker, size):
    """The CPU time of a broker of which nothing is asked, once it is done with what was written."""
    calm(run, [broker])
    before = cpu_seconds(broker.pid)
    seconds = 0.1 if run.is_smoke else IDLE_SECONDS
    time.sleep(seconds)
    used = (cpu_seconds(broker.pid) - before) / seconds * 1e3
    run.figure(f"CPU with {size:,} idle {what}", used, "ms/s", at_most(IDLE_MILLISECONDS), what)


def judge(run, what, loads, costs):
    for load in loads:
        found = costs[load.name]
        smallest = found[min(found)]
        run.figure(
            f"{load.name}: of the cost with {min(found)}, at most",
            max(found.values()) / smallest,
            "",
            at_most(FLAT),
            what,
        )


def show(run, what, sizes, costs):
    rows = [[name, *(found[size] for size in sizes)] for name, found in costs.items()]
    run.table(f"{what}, µs of CPU per request", ["", *(f"{size:,}" for size in sizes)], rows)
