"""Counts what a request costs on any machine, however busy: allocations and system calls, against their budgets."""

import json
import shutil
from pathlib import Path

from allocations import Allocations
from budget_cases import CASES, Stage
from martlet import Martlet
from processes import wait_for_port
from scenario import Scenario, at_most
from syscalls import Syscalls

PACKAGES = ("strace",)
BUDGETS = Path(__file__).parents[1] / "budgets.json"
WARM_UP = 300
# Kinds of calls with fewer a request are what background threads do, or chance.
RARE = 0.2
# What a budget is above the figure that it was made from: less than one allocation a request more.
SPARE_ALLOCATIONS = 0.6
SPARE_CALLS = 0.15
# Where threads work for one another, chance says how often they meet, and with that how often they wake each other.
CHANCE_ALLOCATIONS = 1.04
CHANCE_CALLS = 1.7
WAKING = {"epoll_wait", "futex", "read", "write"}


class Budgets(Scenario):
    explanation = """
Each case makes the same request some thousand times on one connection to a warmed-up broker. What the whole process
allocates and asks of the kernel meanwhile, its background threads included, is divided by their number. Allocations are
counted by a preloaded library, system calls by strace, each with a broker of its own. The budgets are in
Tests/Benchmarks/budgets.json; --update writes them anew, with little to spare.
"""
    cases = tuple(case.name for case in CASES)
    smoke = {"case": ["produce"]}

    def add_arguments(self, parser):
        parser.add_argument("--only", choices=["allocations", "syscalls"], help="count only these")
        parser.add_argument(
            "--stacks", type=int, default=0, metavar="N", help="tell the N most frequent ways to an allocation"
        )
        parser.add_argument("--update", action="store_true", help="make budgets of the figures")

    def check_arguments(self, parser, options):
        if options.update and options.only:
            parser.error("--update needs allocations and system calls")

    def measure(self, run):
        budgets = json.loads(BUDGETS.read_text(encoding="utf-8")) if BUDGETS.exists() else {}
        rows = []
        for case in CASES:
            if case.name not in run.cases:
                continue
            run.progress(case.name)
            found = figures(case, run)
            if run.options.update:
                budgets[case.name] = budget(case, found)
            judge(case, found, budgets.get(case.name, {}), run)
            calls = ", ".join(f"{number:g} {name}" for name, number in found.get("calls", {}).items())
            rows.append([case.name, found.get("allocations", ""), found.get("bytes", ""), calls])
        if run.options.update:
            ordered = {name: budgets[name] for name in self.cases if name in budgets}
            BUDGETS.write_text(json.dumps(ordered, indent=2) + "\n", encoding="utf-8")
        run.table("of one request", ["", "allocations", "bytes", "system calls"], rows)


def figures(case, run):
    found = {}
    if run.options.only != "syscalls":
        found |= count_allocations(case, run)
    if run.options.only != "allocations":
        found["calls"] = count_calls(case, run)
    return found


def judge(case, found, budget, run):
    """Holds the figures to the budget; what has none may not be there at all."""
    if "allocations" in found:
        run.figure("allocations", found["allocations"], "", at_most(budget.get("allocations", 0)), case.name)
    for kind, number in found.get("calls", {}).items():
        run.figure(f"calls of {kind}", number, "", at_most(budget.get("calls", {}).get(kind, 0)), case.name)


def budget(case, found):
    allocations = found["allocations"] * (CHANCE_ALLOCATIONS if case.has_helpers else 1) + SPARE_ALLOCATIONS
    calls = {
        kind: round(number * (CHANCE_CALLS if case.has_helpers and kind in WAKING else 1) + SPARE_CALLS, 2)
        for kind, number in found["calls"].items()
    }
    for kind, least in case.at_least.items():
        calls[kind] = max(least, calls.get(kind, 0))
    return {"allocations": round(allocations, 1), "calls": dict(sorted(calls.items()))}


def play(case, run, environment, count):
    """Starts a broker for the case, warms it up, and returns what `count` makes of a function that makes requests."""
    data = run.directory / "data"
    with Martlet(run.binary, data, environment=environment, **case.settings) as broker:
        broker.start()
        with wait_for_port(broker.port) as connection:
            one = case.prepare(Stage(connection, "budgeted"))
            for _ in range(WARM_UP):
                one()
            result = count(broker, one)
        broker.stop()
    shutil.rmtree(data)
    return result


def count_allocations(case, run):
    counter = Allocations(run.directory)

    def count(broker, one):
        before = counter.now()
        for _ in range(case.requests):
            one()
        allocations, size = (new - old for new, old in zip(counter.now(), before, strict=True))
        if run.options.stacks:
            tell_stacks(counter, broker, one, case, run)
        return {"allocations": round(allocations / case.requests, 2), "bytes": round(size / case.requests)}

    return play(case, run, counter.environment, count)


def tell_stacks(counter, broker, one, case, run):
    requests = 100
    counter.record(True)
    for _ in range(requests):
        one()
    counter.record(False)
    for number, names in counter.stacks(broker.pid)[: run.options.stacks]:
        run.note(f"\n{case.name}: {number / requests:g} a request")
        for name in names:
            run.note(f"    {name}")


def count_calls(case, run):
    def count(broker, one):
        with Syscalls(broker.pid) as watched:
            for _ in range(case.requests):
                one()
        kinds = {name: round(number / case.requests, 2) for name, number in sorted(watched.counts.items())}
        return {name: number for name, number in kinds.items() if number >= RARE}

    return play(case, run, {}, count)
