"""What every scenario of scripts/bench has in common, so that a scenario is only what it measures.

To add one, put a file into scenarios/; nothing else has to be edited. Its name is the scenario's, the first line of its
docstring is what `scripts/bench --help` says of it, and it holds one subclass of Scenario:

    '''Measures how long an empty topic takes to be made.'''

    from martlet import Martlet
    from scenario import Scenario, at_most, spread, turns

    PROGRAMS = ("client",)           # C programs beside this file's directory that it runs, if any
    PACKAGES = ("kcat",)             # packages of Debian that it needs, if any
    PRODUCTS = ("client-load",)      # products of Package.swift that it runs beside the broker, if any
    CLIENTS = True                   # whether it imports the Python clients that the tests use

    class Making(Scenario):
        explanation = "What --help says beyond the docstring: how it is measured."
        cases = ("one", "many")      # makes --case, if there are several
        repeats = 5                  # makes --repeats, with this default
        smoke = {"topics": 3}        # the options of a run that only shows that the scenario works, in seconds

        def add_arguments(self, parser):
            parser.add_argument("--topics", type=int, default=1000)

        def measure(self, run):
            with Martlet(run.binary, run.directory / "data") as martlet:
                martlet.start()
                for number, case in turns(run.cases, run.options.repeats):
                    run.progress(f"{case}, pass {number + 1}")
                    ...
                martlet.stop()
            run.figure("making a topic", seconds * 1e3, "ms", at_most(5))
            run.table("all sides", ["", "ms"], [["Martlet", 1.2], ["another", 3.4]])
            return {"samples": samples}  # whatever else --json is to hold

What figures, notes and tables were given is the report: it is printed for people, as text or Markdown, and written as
JSON. A figure with a limit is judged, and --check makes a missed one the exit status. The literals PROGRAMS, PACKAGES,
PRODUCTS and CLIENTS are read without running the file, because what it imports may have to be installed first. A C
program says in a line `// Links: -lisal (libisal-dev)` what it is linked with, and the packages that hold it.
Tests/Clients/test_benchmarks.py runs every scenario with --smoke.
"""

import argparse
import json
import statistics
import sys
from dataclasses import dataclass
from pathlib import Path

import report as reports


@dataclass(frozen=True)
class Limit:
    """What a figure must reach."""

    kind: str
    goal: float

    def holds(self, value):
        return value <= self.goal if self.kind == "at most" else value >= self.goal


def at_most(goal):
    return Limit("at most", goal)


def at_least(goal):
    return Limit("at least", goal)


class Scenario:
    """What is measured. Subclasses say the differences; see this module's docstring."""

    explanation = ""
    cases = ()
    repeats = None
    smoke = {}

    def add_arguments(self, parser):
        """Adds the options that only this scenario has."""

    def check_arguments(self, parser, options):
        """Ends with parser.error for options that do not go together, and may compute others."""

    def measure(self, run):
        raise NotImplementedError

    # A subclass that draws has `plots(report)`, which returns SVG texts by file name, and with it the option --plots.
    plots = None


class Run:
    """One run of a scenario: its options, its temporary directory, and the report that grows."""

    def __init__(self, options, directory, report):
        self.options, self.directory, self.report = options, Path(directory), report
        self.binary, self.tools, self.is_smoke = options.binary, Path(options.tools), options.smoke
        self._said = None

    @property
    def cases(self):
        """The cases that are wanted, in the scenario's order."""
        return self.options.wanted_cases

    def tool(self, name):
        """The path of a C program, as a word of a command."""
        return str(self.tools / name)

    def progress(self, text):
        """One line that changes where there is a terminal, elsewhere a line for each step, so that a log shows life."""
        if sys.stderr.isatty():
            sys.stderr.write(f"\r\033[K{text}")
        elif text and text != self._said:
            sys.stderr.write(text + "\n")
        self._said = text
        sys.stderr.flush()

    def figure(self, name, value, unit="", limit=None, case=None):
        """Adds a figure. With a limit it is judged, unless the run is too short for its figures to mean anything."""
        judged = limit is not None and not self.is_smoke
        self.report["figures"].append(
            {
                "case": case,
                "name": name,
                "value": value,
                "unit": unit,
                "limit": None if limit is None else {"kind": limit.kind, "goal": limit.goal},
                "is_within_limit": limit.holds(value) if judged else None,
            }
        )

    def note(self, text):
        """Adds a sentence above the tables, such as how much was moved."""
        self.report["notes"].append(text)

    def table(self, title, columns, rows):
        """Adds a table: its first column is words, the others are numbers or texts."""
        if any(len(row) != len(columns) for row in rows):
            raise ValueError(f"a row has not as many cells as there are columns: {columns}, {rows}")
        self.report["tables"].append({"title": title, "columns": columns, "rows": rows})


def turns(sides, repeats):
    """Yields (round, side): all sides in each round, in alternating order.

    Who goes first changes, so that whatever one leaves behind does not always meet the same other.
    """
    for number in range(repeats):
        for side in sides if number % 2 == 0 else list(reversed(sides)):
            yield number, side


def spread(values):
    """The middle, the ends and all of what was measured."""
    values = list(values)
    return {"median": statistics.median(values), "min": min(values), "max": max(values), "all": values}


def size(words):
    """The bytes of a size such as 512M, for argparse."""
    try:
        unit = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}.get(words[-1:].upper(), 0)
        return int(words[:-1]) * unit if unit else int(words)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{words}' is not a size such as 512M or 4G") from None


def parse(scenario, name, documentation, words):
    """The options of a scenario, those that all have included."""
    parser = argparse.ArgumentParser(
        prog=f"scripts/bench {name}",
        description=documentation,
        epilog=scenario.explanation,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    scenario.add_arguments(parser)
    if scenario.cases:
        parser.add_argument("--case", action="append", choices=scenario.cases, help="only this one; may be repeated")
    if scenario.repeats is not None:
        what = f"passes of each (default {scenario.repeats})"
        parser.add_argument("--repeats", type=int, default=scenario.repeats, metavar="N", help=what)
    if scenario.plots is not None:
        parser.add_argument("--plots", metavar="DIR", help="write plots as SVG files to DIR")
    parser.add_argument("--directory", default=".build", help="where the data goes (default .build)")
    parser.add_argument("--json", metavar="FILE", help="write every figure to FILE")
    parser.add_argument("--markdown", action="store_true", help="print the report as Markdown")
    parser.add_argument("--check", action="store_true", help="fail if a limit is missed")
    parser.add_argument("--smoke", action="store_true", help="only show that it works: tiny sizes, no limits")
    parser.add_argument("--binary", default=".build/release/martlet", metavar="FILE", help="the broker to measure")
    parser.add_argument("--tools", default=".build/bench", help=argparse.SUPPRESS)
    first = parser.parse_known_args(words)[0]
    if first.smoke:
        smoke = ({"repeats": 1} if scenario.repeats is not None else {}) | scenario.smoke
        # What may be repeated would be added to the default.
        given = {key for key in smoke if isinstance(smoke[key], list) and getattr(first, key)}
        parser.set_defaults(**{key: value for key, value in smoke.items() if key not in given})
    options = parser.parse_args(words)
    if getattr(options, "repeats", 1) < 1:
        parser.error("--repeats must be at least 1")
    chosen = getattr(options, "case", None)
    options.wanted_cases = [case for case in scenario.cases if not chosen or case in chosen]
    scenario.check_arguments(parser, options)
    return options


def run(scenario, name, options, directory):
    """Measures, prints, writes; returns the exit status."""
    report = reports.begin(name, options)
    one = Run(options, directory, report)
    report["details"] = scenario.measure(one) or {}
    one.progress("")
    print(reports.markdown(report) if options.markdown else reports.plain(report))
    if options.json:
        Path(options.json).write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    if getattr(options, "plots", None):
        write_plots(scenario, report, Path(options.plots))
    missed = [figure for figure in report["figures"] if figure["is_within_limit"] is False]
    return 1 if options.check and missed else 0


def write_plots(scenario, report, directory):
    directory.mkdir(parents=True, exist_ok=True)
    for file, text in scenario.plots(report).items():
        (directory / file).write_text(text, encoding="utf-8")
