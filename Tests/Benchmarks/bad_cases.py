"""The cases of scripts/bench bad: each takes a run, adds its figures and returns its samples."""

import time
from contextlib import contextmanager
from functools import partial

from memory_cap import MemoryCap
from processes import cpu_seconds, wait_until_calm, warm_up
from scenario import at_least, at_most, turns
from stage import Stage, middle

MEBIBYTE = 1 << 20
# What a consumer's own machine would do is not to be taken from the broker and the stream.
CLIENT_NICENESS = 10
PAGE_CACHE = {"log.durability": "page-cache"}
# How long a broker may take to be done with what was made.
CALM_SECONDS = 60
LARGE_MESSAGES = {"max_message_bytes": MEBIBYTE + 1024}


def judge_stream(run, case, samples, limit, what):
    """Adds the stream's latencies alone and beside something, and the ratio that is judged."""
    for side in ("alone", "beside"):
        for name in ("p50", "p99", "p999"):
            title = f"stream {'alone' if side == 'alone' else what}, {name}"
            run.figure(title, middle(samples[side], "end_to_end", name), "ms", case=case)
    ratio = middle(samples["beside"], "end_to_end", "p99") / middle(samples["alone"], "end_to_end", "p99")
    run.figure(f"stream {what}, p99 of that alone", ratio, "times", limit, case=case)


def take_turns(run, stage, disturb):
    """The stream alone and within the context that `disturb` makes, in turns; its value is called meanwhile."""
    samples = {"alone": [], "beside": []}
    for number, side in turns(("alone", "beside"), run.options.repeats):
        run.progress(f"the stream {side}, pass {number + 1} of {run.options.repeats}")
        stage.settle()
        if side == "alone":
            samples[side].append(stage.finish(stage.stream(run.options.seconds)))
            continue
        with disturb() as still:
            time.sleep(0.2)
            stream = stage.stream(run.options.seconds)
            while stream.poll() is None:
                still()
                time.sleep(0.02)
            samples[side].append(stage.finish(stream))
    return samples


def backfill(run, case="backfill", durability="page-cache"):
    partitions, size = 6, run.options.size
    with Stage(run, **{"log.durability": durability}) as stage:
        stage.create("cold", partitions, durability="page-cache", **LARGE_MESSAGES)
        run.progress("writing what will be cold")
        stage.fill("cold", partitions, size)
        read = []

        def disturb():
            stage.forget("cold")
            # All of it but what is left of a batch that the partitions do not share evenly.
            words = ("readers", "backfill", "cold", partitions, size * 9 // 10, MEBIBYTE)
            return stage.during(*words, niceness=CLIENT_NICENESS, before=lambda: stage.forget("cold"), told=read)

        samples = take_turns(run, stage, disturb)
        judge_stream(run, case, samples, at_most(3), "beside a backfill")
        if read:
            run.figure("the backfill", middle(read, "bytes") / middle(read, "seconds") / 1e6, "MB/s", case=case)
        run.figure("memory after it", stage.resident() / 1e6, "MB", at_most(60), case=case)
    return {**samples, "read": read}


def slow(run):
    case, consumers, size = "slow", run.options.consumers, 256 * MEBIBYTE if not run.is_smoke else 8 * MEBIBYTE
    speeds, told = {"alone": [], "beside": []}, []
    with Stage(run, **PAGE_CACHE) as stage:
        stage.create("old", 4, **LARGE_MESSAGES)
        stage.fill("old", 4, size)
        before = stage.resident()

        def work(number, side):
            topic = f"others-{number}-{side}"
            stage.create(topic, 4, **LARGE_MESSAGES)
            stream = stage.stream(run.options.seconds)
            produced = stage.fill(topic, 4, size)
            consumed = stage.do("readers", "backfill", topic, 4, size * 9 // 10, MEBIBYTE)
            speeds[side].append([one["bytes"] / one["seconds"] / 1e6 for one in (produced, consumed)])
            return stage.finish(stream)

        samples = {"alone": [], "beside": []}
        grown = 0
        for number, side in turns(("alone", "beside"), run.options.repeats):
            run.progress(f"{side}, pass {number + 1} of {run.options.repeats}")
            stage.settle()
            if side == "alone":
                samples[side].append(work(number, side))
                continue
            seconds = run.options.seconds + 30
            crowd = stage.begin("readers", "slow", "old", 4, seconds, consumers, MEBIBYTE, 4096, 500)
            time.sleep(1)
            samples[side].append(work(number, side))
            grown = max(grown, stage.resident() - before)
            crowd.terminate()
            told.append(stage.finish(crowd))
        judge_stream(run, case, samples, at_most(3), "beside slow consumers")
        for index, name in enumerate(("produce", "consume")):
            ratio = middle(speeds["beside"], index) / middle(speeds["alone"], index)
            run.figure(f"{name} beside them, of that without", ratio, "times", at_least(0.7), case=case)
        run.figure("memory for each", grown / consumers / 1024, "KiB", at_most(64), case=case)
        fairness = min(one["least"] / one["most"] for one in told)
        run.figure("the least that one got, of the most", fairness, "times", at_least(0.5), case=case)
    return {**samples, "speeds": speeds, "consumers": told}


def large(run):
    samples = {}
    budget = 256 * MEBIBYTE
    limits = {"socket.request.max.bytes": 110 * MEBIBYTE, "message.max.bytes": 105 * MEBIBYTE}
    kinds = {"batches of 1 MiB": (100, MEBIBYTE - 1024, 100), "one batch": (1, 99 * MEBIBYTE, 1)}
    with Stage(run, **PAGE_CACHE, **limits, **{"queued.max.request.bytes": budget}) as stage:
        for kind, shape in kinds.items():
            told = []
            samples[kind] = take_turns(run, stage, partial(requests_of_100_mebibytes, run, stage, *shape, told))
            judge_stream(run, "large", samples[kind], at_most(5), f"beside requests of 100 MiB, {kind}")
            if told:
                speed = middle(told, "bytes") / middle(told, "seconds") / 1e6
                run.figure(f"requests of 100 MiB, {kind}", speed, "MB/s", case="large")
        run.figure("most memory", stage.peak() / 1e6, "MB", at_most(budget / 1e6 + 128), case="large")
    return samples


@contextmanager
def requests_of_100_mebibytes(run, stage, partitions, batch, batches, told):
    """Keeps one producer sending them, to a topic that goes afterwards: it fills the disk fast."""
    warm_up(run.directory, run.options.size // 4)
    stage.create("large", partitions, file_delete_delay_ms=0)
    try:
        words = ("producers", "large", partitions, 8, batch, 1024, batches, 1, 1, 1)
        with stage.during(*words, told=told) as still:
            yield still
    finally:
        stage.delete("large")


def session(run):
    samples = {}
    # So many that the first, which is one of all partitions, does not count.
    fetches = 20 if run.is_smoke else 20_000
    with Stage(run, **PAGE_CACHE) as stage:
        for partitions in (10, run.options.partitions):
            topic = f"many-{partitions}"
            stage.create(topic, partitions)
            wait_until_calm([stage.pid], 1 if run.is_smoke else CALM_SECONDS)
            before = cpu_seconds(stage.pid)
            told = stage.do("readers", "session", topic, partitions, fetches)
            told["cpu"] = (cpu_seconds(stage.pid) - before) / fetches
            samples[partitions] = told
            run.figure(f"{partitions} partitions, p50", told["p50"], "ms", case="session")
            run.figure(f"{partitions} partitions, p99", told["p99"], "ms", at_most(1), case="session")
            run.figure(f"{partitions} partitions, CPU of a fetch", told["cpu"] * 1e6, "us", case="session")
        few, many = samples.values()
        run.figure("CPU of a fetch, of that with 10", many["cpu"] / few["cpu"], "times", at_most(1.5), case="session")
    return samples


def wide(run):
    partitions, requests = (50, 4) if run.is_smoke else (1000, 200)
    samples = {"wide": [], "single": []}
    with Stage(run, **PAGE_CACHE) as stage:
        stage.create("wide", partitions)
        # The first append to a partition makes its files.
        stage.do("producers", "wide", partitions, 1, 1024, 1, partitions, 1, 1, 1)
        for number, side in turns(("wide", "single"), run.options.repeats):
            run.progress(f"{side}, pass {number + 1} of {run.options.repeats}")
            batches = partitions if side == "wide" else 1
            count = requests if side == "wide" else requests * partitions // 4
            warm_up(run.directory, count * batches * 1024)
            before = cpu_seconds(stage.pid)
            told = stage.do("producers", "wide", partitions, count, 1024, 1, batches, 1, 1, 1)
            samples[side].append({**told, "cpu": (cpu_seconds(stage.pid) - before) / (count * batches)})
        run.figure("1,000 partitions in a request, p99", middle(samples["wide"], "p99"), "ms", at_most(50), case="wide")
        for side, title in (("wide", "with 1,000"), ("single", "with one")):
            run.figure(f"CPU of a batch, {title} in a request", middle(samples[side], "cpu") * 1e6, "us", case="wide")
        ratio = middle(samples["wide"], "cpu") / middle(samples["single"], "cpu")
        run.figure("CPU of a batch among 1,000, of one alone", ratio, "times", at_most(1), case="wide")
    return samples


def capped(run):
    size = 4 << 30 if not run.is_smoke else 32 * MEBIBYTE
    with MemoryCap(256_000_000) as cap:
        if cap.why_not:
            run.note(f"capped: not measured, the system lets us set no limit ({cap.why_not})")
            return {"why_not": cap.why_not}
        run.note(f"capped: by {cap.kind}")
        with Stage(run, **PAGE_CACHE) as stage:
            cap.add(stage.pid)
            stage.create("much", 6, **LARGE_MESSAGES)
            stream = stage.stream(max(2, run.options.seconds))
            produced = stage.fill("much", 6, size)
            first = stage.finish(stream)
            stream = stage.stream(max(2, run.options.seconds))
            consumed = stage.do("readers", "backfill", "much", 6, size * 9 // 10, MEBIBYTE)
            second = stage.finish(stream)
            for name, told, beside in (("producing", produced, first), ("consuming", consumed, second)):
                run.figure(f"{name}", told["bytes"] / told["seconds"] / 1e6, "MB/s", case="capped")
                run.figure(f"stream beside {name}, p99", beside["end_to_end"]["p99"], "ms", case="capped")
                worst = beside["end_to_end"]["worst"]
                run.figure(f"stream beside {name}, longest", worst, "ms", at_most(1000), case="capped")
            run.figure("killed for want of memory", cap.kills(), "", at_most(0), case="capped")
            run.figure("most memory, page cache included", cap.peak() / 1e6, "MB", case="capped")
            run.figure("resident", stage.resident() / 1e6, "MB", at_most(128), case="capped")
    return {"produced": produced, "consumed": consumed, "beside": [first, second]}


CASES = {
    "backfill": backfill,
    "backfill-fsync": lambda run: backfill(run, "backfill-fsync", "fsync"),
    "slow": slow,
    "large": large,
    "session": session,
    "wide": wide,
    "capped": capped,
}
