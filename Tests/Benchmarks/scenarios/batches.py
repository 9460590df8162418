"""Measures what producing and fetching cost against the size of batches, beside loops in C."""

from charts import Axis, Series, chart
from contenders import Broker, Loops, Shape
from martlet import Martlet
from processes import warm_up
from scenario import Scenario, size, spread, turns

PROGRAMS = ("loops", "client")

SIZES = tuple(1 << power for power in (10, 12, 14, 16, 18, 20))
RECORD_BYTES = 1024
# Small batches are many requests: what each costs is known before as many bytes have passed.
MOST_REQUESTS = 100_000
PARTITIONS = 4
MODES = {"produce": "five requests in flight", "fetch": "one request at a time"}
OURS, LOOP = "Martlet", "C loop"


class Batches(Scenario):
    explanation = """
A client in C sends produce requests with one batch each, of 1 KB records, from 1 KiB to 1 MiB, five in flight, acks=1,
and fetches them again, warm, one batch per request. Martlet and the bare loops in C take turns, with the page cache
warmed before each; figures are medians. A request has a cost of its own and one for each byte: the curve per GB falls
with the size of the batch until only the bytes are left, the curve per request is flat until they begin to count.
"""
    repeats = 3
    smoke = {"size": 1 << 20}

    def add_arguments(self, parser):
        what = f"bytes per pass, at most {MOST_REQUESTS:,} batches (default 512M)"
        parser.add_argument("--size", type=size, default=512 << 20, help=what)

    def measure(self, run):
        results = {}
        with Martlet(run.binary, run.directory / "data", **{"log.durability": "page-cache"}) as martlet:
            martlet.start()
            for batch in SIZES:
                results[str(batch)] = measure_size(run, martlet, batch)
            martlet.stop()
        show(run, results)
        return {"results": results}

    def plots(self, report):
        found = report["details"]["results"]
        charts = {}
        for mode, how in MODES.items():
            axes = (Axis("size of a batch", "bytes", is_log=True, ticks=ticks()), Axis("CPU", "s/GB", is_log=True))
            charts[f"batches-{mode}.svg"] = chart(
                f"Cost of a GB against the size of batches: {mode}, {how}", *axes, curves(found, mode, "cost")
            )
            axes = (axes[0], Axis("CPU", "µs", is_log=True))
            charts[f"batches-{mode}-request.svg"] = chart(
                f"Cost of a request against the size of batches: {mode}, {how}", *axes, curves(found, mode, "request")
            )
        return charts


def measure_size(run, martlet, batch):
    frames = max(PARTITIONS, min(MOST_REQUESTS, run.options.size // batch))
    shape = Shape(frames, batch, max(1, batch // RECORD_BYTES), PARTITIONS)
    sides = [
        Broker(run.tools, shape, OURS, "127.0.0.1", martlet.port, martlet.pid),
        Loops(run.tools, shape, run.directory),
    ]
    samples = {side.name: [] for side in sides}
    for number, side in turns(sides, run.options.repeats):
        run.progress(f"batches of {words(batch)}, pass {number + 1} of {run.options.repeats}: {side.name}")
        warm_up(run.directory, shape.size)
        samples[side.name].append(dict(zip(MODES, side.produce_and_fetch(), strict=True)))
    return {
        name: {
            mode: {
                "cost": spread(one[mode].cpu_per_gigabyte for one in taken),
                "request": spread(one[mode].cpu / frames * 1e6 for one in taken),
            }
            for mode in MODES
        }
        for name, taken in samples.items()
    }


def words(bytes):
    return f"{bytes >> 20} MiB" if bytes >= 1 << 20 else f"{bytes >> 10} KiB"


def ticks():
    return tuple((one, words(one)) for one in SIZES)


def curves(found, mode, key):
    return [
        Series(name, [(batch, found[str(batch)][name][mode][key]["median"]) for batch in SIZES])
        for name in (OURS, LOOP)
    ]


def show(run, results):
    amount = f"{run.options.size / 1e9:.2f} GB per pass, at most {MOST_REQUESTS:,} requests"
    run.note(f"{amount}; medians of {run.options.repeats}")
    for mode, how in MODES.items():
        rows = []
        for batch in SIZES:
            ours, loop = (results[str(batch)][name][mode] for name in (OURS, LOOP))
            middle = [side[key]["median"] for key in ("cost", "request") for side in (ours, loop)]
            rows.append([words(batch), *middle, ours["cost"]["median"] / loop["cost"]["median"]])
        columns = ["batch", "CPU s/GB", "C loop", "µs/request", "C loop", "of C loop's CPU"]
        run.table(f"{mode}, {how}", columns, rows)
        ratio = results[str(SIZES[0])][OURS][mode]["request"]["median"]
        run.figure(f"{mode}: CPU of a request with {words(SIZES[0])}", ratio, "µs")
