"""Faults of the operating system under the real broker, one after the other, and what is there afterwards.

Usage: python faults.py SIZE [SEED [PART...]]

  kills     SIGKILL at a system call of a roll, a checkpoint, a compaction, the creation and deletion of topics, by
            strace: SIZE calls of each, spread evenly, or all of them if there are not so many
  errors    the same with a call that fails with EIO instead
  readonly  a file system that becomes read-only under the broker, SIZE times at most 3 (ext4 on a loop device, as root)
  rot       a flipped bit or a truncation in a file of a stopped broker: SIZE of each kind of file

After each the broker starts again, and whatever it has acknowledged is in its place. After kills and errors that is so
without exception, and `martlet log verify` finds nothing. After rot the broker starts, or says what is wrong; a record
is the one that was sent or is refused, and none is refused but those of the damaged batch; what is no record costs
none.
What strace or the machine does not allow is skipped, with a word why.
"""

import contextlib
import errno
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path

from harness import batches, wire
from harness.broker import TRAPS, Broker, BrokerDied, run_martlet
from harness.errors import Error
from harness.loop_disk import LoopDisk, run, why_impossible

# What changes something on a disk, and what reads from it. Reads of a start are among them.
CHANGES = (
    *("fsync", "fdatasync", "syncfs", "pwritev", "pwrite64", "rename", "unlink", "ftruncate", "fallocate", "mkdir"),
    *("openat", "rmdir", "sync_file_range"),
)
READS = ("pread64", "access", "fstat", "newfstatat", "statfs", "getdents64")
# Calls that may fail and change nothing: hints, and what is tried first.
HINTS = ("fallocate",)
TRACED = ["strace", "-f", "-qq", "--seccomp-bpf"]
# What a client is told that may try again.
PASSING = (
    Error.KAFKA_STORAGE_ERROR,
    Error.NOT_LEADER_OR_FOLLOWER,
    Error.UNKNOWN_TOPIC_OR_PARTITION,
    Error.UNKNOWN_SERVER_ERROR,
)
SETTINGS = {"num.network.threads": 1, "num.io.threads": 1}
SMALL = {"internal.segment.bytes": "2000", "index.interval.bytes": "200"}
SECONDS = 20
# A checkpoint follows a change within a second.
CHECKPOINT_SECONDS = 1.1


def check(holds, message):
    if not holds:
        raise AssertionError(message)


def value(number):
    return b"value %05d " % number + b"x" * 150


class Work:
    """What a scenario has done, as far as the broker has acknowledged it."""

    def __init__(self, broker):
        self.broker = broker
        self.connection = wire.Connection(broker.address)
        self.acknowledged = defaultdict(dict)
        self.created = set()
        self.deleted = set()
        self.compacted = set()
        self.is_complete = False

    def close(self):
        self.connection.close()

    def create(self, topic, **configs):
        settings = SMALL | {key.replace("_", "."): str(each) for key, each in configs.items()}
        code = wire.create_topic(self.connection, topic, 1, settings).error_code
        check(code in (0, *PASSING), f"{topic} was not created: {code}")
        if code == 0:
            self.created.add(topic)
        if "cleanup.policy" in settings:
            self.compacted.add(topic)

    def delete(self, topic):
        self.deleted.add(topic)
        wire.delete_topic(self.connection, topic)

    def produce(self, topic, numbers, keys=1 << 30):
        for number in numbers:
            payload = batches.batch([(b"%d" % (number % keys), value(number))])
            answer = wire.produce(self.connection, topic, payload)
            check(answer.error_code in (0, *PASSING), f"a batch was refused with {answer.error_code}")
            if answer.error_code == 0:
                self.acknowledged[topic][answer.base_offset] = number

    def read(self, topic):
        """Reads all there is; refusals pass."""
        offset = 0
        while True:
            partition, found = wire.fetch(self.connection, topic, offset, partition_bytes=4000)
            check(partition.error_code in (0, *PASSING), f"a fetch got {partition.error_code}")
            if partition.error_code or not found:
                return
            offset = found[-1].last_offset + 1


def roll(work):
    work.create("events")
    work.produce("events", range(40))
    work.read("events")


def checkpoint(work):
    work.create("events")
    for start in range(0, 9, 3):
        work.produce("events", range(start, start + 3))
        time.sleep(CHECKPOINT_SECONDS)


def compaction(work):
    work.create("events", cleanup_policy="compact", min_cleanable_dirty_ratio=1)
    work.produce("events", range(40), keys=5)
    for _ in range(2):
        run_martlet("compact", "events", "--wait", "-b", work.broker.bootstrap)
        work.produce("events", range(40, 50), keys=5)
    work.read("events")


def topics(work):
    for name in ("events", "other", "third"):
        work.create(name)
        work.produce(name, range(3))
    work.delete("other")
    work.create("fourth")
    work.produce("fourth", range(3))


SCENARIOS = (roll, checkpoint, compaction, topics)


def verify(broker, work):
    """Reads everything, compares, and writes some more."""
    with wire.connect(broker) as connection:
        for topic in work.created - work.deleted:
            found = read_all(connection, topic)
            expected = work.acknowledged[topic]
            if topic in work.compacted:
                # Of each key, at least the last acknowledged one.
                last = {number % 5: offset for offset, number in sorted(expected.items())}
                expected = {offset: expected[offset] for offset in last.values()}
                later = {number % 5: offset for offset, number in sorted(found.items())}
                expected = {o: n for o, n in expected.items() if later.get(n % 5, o) <= o}
            for offset, number in expected.items():
                check(
                    found.get(offset) == number,
                    f"{topic}: message {number} was acknowledged at {offset}, where {found.get(offset)} is",
                )
            payload = batches.batch([(b"0", value(99999))])
            answer = wire.produce(connection, topic, payload)
            check(answer.error_code == 0, f"{topic} takes nothing more: {answer.error_code}")
    broker.stop()
    done = run_martlet("log", "verify", broker.data, "--records")
    check(done.returncode == 0, f"log verify: {(done.stdout + done.stderr).decode(errors='replace')}")


def read_all(connection, topic):
    """The number of each message by its offset."""
    found = {}
    deadline = time.monotonic() + SECONDS
    offset = 0
    while True:
        partition, some = wire.fetch(connection, topic, offset)
        if partition.error_code in (Error.NOT_LEADER_OR_FOLLOWER, Error.LEADER_NOT_AVAILABLE):
            check(time.monotonic() < deadline, f"{topic} is not served")
            time.sleep(0.02)
            continue
        check(partition.error_code == 0, f"{topic} cannot be read at {offset}: {partition.error_code}")
        if not some:
            return found
        for batch in some:
            for record in batch.records:
                found[record.offset] = int(record.value.split()[1])
            offset = batch.last_offset + 1


# MARK: Kills and errors


def attempt(scenario, directory, under):
    """Runs a scenario as far as it gets; returns the broker and what was acknowledged, or None if it did not start."""
    broker = Broker(directory / "data", settings=SETTINGS, under=under)
    try:
        broker.start()
    except BrokerDied:
        return broker, None
    work = Work(broker)
    try:
        scenario(work)
        work.is_complete = True
    except (OSError, wire.Closed):
        # It died, or the connection did.
        pass
    finally:
        work.close()
    return broker, work


def reached(scenario, calls):
    """Which numbers each of the calls has, thread by thread, where it is about the broker's data."""
    with tempfile.TemporaryDirectory(prefix="martlet-faults-") as directory:
        path = Path(directory) / "trace"
        trace = [*TRACED, "-y", "-o", str(path), "-e", "trace=" + ",".join(calls)]
        broker, work = attempt(scenario, Path(directory), trace)
        check(work is not None, f"it does not start under strace:\n{broker.log}")
        check(work.is_complete, f"it has failed without a fault:\n{broker.log}")
        broker.stop()
        counts = defaultdict(Counter)
        numbers = defaultdict(set)
        for line in path.read_text(errors="replace").splitlines():
            thread, rest = line.split(None, 1)
            if name := re.match(r"(\w+)\(", rest):
                counts[name[1]][thread] += 1
                if str(broker.data) in rest:
                    numbers[name[1]].add(counts[name[1]][thread])
    return numbers


def points(scenario, calls, size):
    """System calls and their numbers, `size` of them."""
    known = reached(scenario, calls)
    every = [(call, number) for call in calls for number in sorted(known[call])]
    if len(every) <= size:
        return every
    return [every[index * len(every) // size] for index in range(size)]


def inject(size, fault, calls, rng):
    """Returns how many points were tried."""
    done = 0
    for scenario in SCENARIOS:
        for call, number in points(scenario, calls, size):
            directory = Path(tempfile.mkdtemp(prefix="martlet-faults-"))
            under = [*TRACED, "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:{fault}:when={number}"]
            broker, work = attempt(scenario, directory, under)
            try:
                check_fault(broker, work, fault)
            except (AssertionError, OSError, wire.Closed) as error:
                end(broker)
                raise AssertionError(
                    f"{scenario.__name__}, {call} number {number}, {fault}: {error}\nleft in {directory}\n"
                    + broker.log[-3000:]
                ) from error
            shutil.rmtree(directory)
            done += 1
    return done


def end(broker):
    """Ends a broker that runs under strace, which would let it go on."""
    # Unless it has ended already.
    with contextlib.suppress(OSError, IndexError):
        os.kill(broker.pid, signal.SIGKILL)
    broker.discard()


def check_fault(broker, work, fault):
    for trap in TRAPS:
        check(trap not in broker.log, f"it said '{trap}'")
    if fault.startswith("error"):
        # An error is not the end, unless of a start, which says why.
        check(work is None or broker.is_running(), "it has ended")
        check(work is not None or "martlet" in broker.log, "it says nothing")
    end(broker)
    broker.under = []
    broker.start()
    if work is None:
        work = Work(broker)
        work.close()
    verify(broker, work)


def kills(size, rng):
    return inject(size, "signal=KILL", CHANGES, rng)


def errors(size, rng):
    return inject(size, "error=EIO", [call for call in CHANGES + READS if call not in HINTS], rng)


def why_no_strace():
    if shutil.which("strace") is None:
        return "strace is not installed"
    done = subprocess.run([*TRACED, "-o", "/dev/null", "true"], check=False, capture_output=True, text=True)
    return f"strace may not trace here: {done.stderr.strip()}" if done.returncode else None


# MARK: Read-only


def readonly(size, rng):
    reason = why_impossible()
    if reason:
        return reason
    for _ in range(min(size, 3)):
        disk = LoopDisk(64)
        broker = Broker(disk.path / "data", settings=SETTINGS)
        try:
            run("mount", "-o", "remount,errors=remount-ro", str(disk.path))
            broker.start()
            work = Work(broker)
            work.create("events")
            work.produce("events", range(rng.randrange(5, 30)))
            stored = dict(work.acknowledged["events"])
            device = os.path.basename(os.path.realpath(run_output("findmnt", "-no", "SOURCE", str(disk.path))))
            trigger = Path(f"/sys/fs/ext4/{device}/trigger_fs_error")
            if not trigger.exists():
                return "this kernel cannot make an ext4 file system read-only on order"
            trigger.write_text("planned\n", encoding="ascii")
            check(is_readonly(disk.path), "it is not read-only")
            refused = [wire.produce(work.connection, "events", batches.batch([(b"1", value(1))])) for _ in range(3)]
            codes = {answer.error_code for answer in refused}
            check(codes == {Error.KAFKA_STORAGE_ERROR}, f"on a read-only disk a batch got {codes}")
            check(read_all(work.connection, "events") == stored, "what was stored cannot be read")
            found = json.loads(run_martlet("health", "-b", broker.bootstrap, "--json").stdout)["problems"]
            check(any(one["kind"] == "log-directory-offline" for one in found), f"health says {found}")
            work.close()
            broker.kill9()
            disk.unmount()
            run("e2fsck", "-fy", str(disk.image), allowed=(0, 1))
            disk.mount()
            broker.start()
            verify(broker, work)
        finally:
            broker.discard()
            disk.discard()
    return min(size, 3)


def is_readonly(directory):
    try:
        (directory / "probe").write_bytes(b"x")
    except OSError as error:
        return error.errno == errno.EROFS
    return False


def run_output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


# MARK: Rot

COUNT = 40
# Every kind of file, below the data directory. The broker's own log is that of the catalogue.
KINDS = {
    "records": "events-0/*.log",
    "index": "events-0/*.index",
    "time index": "events-0/*.timeindex",
    "producers": "events-0/*.snapshot",
    "manifest": "events-0/segments.manifest",
    "leader epochs": "events-0/leader-epoch-checkpoint*",
    "partition metadata": "events-0/partition.metadata*",
    "checkpoints": "*-offset-checkpoint*",
    "directory's properties": "meta.properties*",
    "clean stop": ".kafka_cleanshutdown",
    "catalogue": "__martlet_catalogue*/*.log",
    "catalogue's files": "__martlet_catalogue*/*[!g]",
}


def rot(size, rng):
    template = Path(tempfile.mkdtemp(prefix="martlet-faults-"))
    try:
        prepare_rot(template)
        done = 0
        for kind, pattern in KINDS.items():
            for number in range(size):
                done += rot_once(template, kind, pattern, "flip" if number % 2 == 0 else "truncation", rng)
        return done
    finally:
        shutil.rmtree(template)


def prepare_rot(directory):
    """A stopped broker's data, whose closed segments are summed up."""
    broker = Broker(directory / "data", settings={**SETTINGS, "log.scrub.interval.ms": 1000}).start()
    work = Work(broker)
    work.create("events")
    work.produce("events", range(COUNT))
    work.close()
    check(work.acknowledged["events"] == {number: number for number in range(COUNT)}, "the messages lie elsewhere")
    manifest = broker.data / "events-0" / "segments.manifest"
    deadline = time.monotonic() + SECONDS
    closed = len(list((broker.data / "events-0").glob("*.log"))) - 1
    while not manifest.exists() or sum(one["type"] == "closed-segment" for one in dumped(manifest)) < closed:
        check(time.monotonic() < deadline, "the closed segments are not summed up")
        time.sleep(0.1)
    broker.stop()


def dumped(path):
    lines = run_martlet("log", "dump", path, "--json").stdout.decode().splitlines()
    return [json.loads(line) for line in lines]


def rot_once(template, kind, pattern, damage, rng):
    directory = Path(tempfile.mkdtemp(prefix="martlet-faults-"))
    data = directory / "data"
    shutil.copytree(template / "data", data)
    files = sorted(path for path in data.glob(pattern) if path.is_file() and path.stat().st_size > 0)
    if not files:
        shutil.rmtree(directory)
        return 0
    path = rng.choice(files)
    lost = damage_file(path, kind, damage, rng)
    place = f"{damage} of {path.relative_to(data)}"
    if rng.random() < 0.5:
        # As after a kill.
        (data / ".kafka_cleanshutdown").unlink(missing_ok=True)
    broker = Broker(data, settings={**SETTINGS, "log.scrub.interval.ms": 1000})
    try:
        verified = run_martlet("log", "verify", data)
        check(verified.returncode in (0, 1), f"log verify ended with {verified.returncode}: {verified.stderr}")
        if lost:
            check(verified.returncode == 1, "log verify has not noticed")
        judge(broker, kind, lost)
    except (AssertionError, OSError, wire.Closed) as error:
        broker.discard()
        raise AssertionError(f"{place}: {error}\nleft in {directory}\n{broker.log[-3000:]}") from error
    shutil.rmtree(directory)
    return 1


def damage_file(path, kind, damage, rng):
    """Damages a file, and says which offsets of the topic that may cost."""
    size = path.stat().st_size
    position = rng.randrange(size)
    lost = set()
    if kind == "records":
        spans = [
            (item["position"], item["position"] + item["size"], item["base_offset"], item["last_offset"])
            for item in dumped(path)
            if item["type"] == "batch"
        ]
        for begin, end, first, last in spans:
            if end > position and (damage == "truncation" or begin <= position):
                lost.update(range(first, last + 1))
    if damage == "truncation":
        os.truncate(path, position)
    else:
        bits = bytearray(path.read_bytes())
        bits[position] ^= 1 << rng.randrange(8)
        path.write_bytes(bits)
    return lost


def judge(broker, kind, lost):
    try:
        broker.start()
    except BrokerDied as error:
        for trap in TRAPS:
            check(trap not in str(error), f"it said '{trap}'")
        check(kind in REFUSABLE, f"it does not start: {error}")
        check(re.search(r"(damaged|is not of a format|says|checksum)", broker.log), f"it does not say why: {error}")
        return
    if lost:
        broker.wait_for_log("is damaged", SECONDS)
    with wire.connect(broker) as connection:
        for offset in range(COUNT):
            found = read_one(connection, offset)
            if offset in lost:
                check(found in (None, offset), f"at {offset} there is message {found}")
            else:
                check(found == offset, f"at {offset} there is message {found}, and nothing was done to that")
        if not lost:
            answer = wire.produce(connection, "events", batches.batch([(b"0", value(COUNT))]))
            check((answer.error_code, answer.base_offset) == (0, COUNT), f"the next batch got {answer}")
    broker.stop()


# Without its records nobody can say which topics there are: a start may refuse and say so. All else has a copy, or is
# made anew.
REFUSABLE = ("catalogue",)


def read_one(connection, offset):
    """The number of the message at an offset; None if it is refused as damaged."""
    deadline = time.monotonic() + SECONDS
    while True:
        partition, found = wire.fetch(connection, "events", offset, partition_bytes=1)
        if partition.error_code == Error.CORRUPT_MESSAGE:
            return None
        if partition.error_code in (Error.NOT_LEADER_OR_FOLLOWER, Error.LEADER_NOT_AVAILABLE):
            check(time.monotonic() < deadline, "the topic is not served")
            time.sleep(0.02)
            continue
        check(partition.error_code == 0 and found, f"a fetch of {offset} got {partition.error_code} and nothing")
        check(found[0].base_offset == offset, f"a fetch of {offset} got {found[0].base_offset}")
        return int(next(iter(found[0].records)).value.split()[1])


# MARK: All of it

PARTS = {"kills": kills, "errors": errors, "readonly": readonly, "rot": rot}


def main(size, seed, chosen):
    print(f"seed {seed}", flush=True)
    for name in chosen or PARTS:
        start = time.monotonic()
        done = why_no_strace() if name in ("kills", "errors") else None
        try:
            done = done or PARTS[name](size, random.Random(f"{seed} {name}"))
        except (AssertionError, OSError) as error:
            print(f"{name} FAILED: {error}\nagain with: scripts/fault-test {size} {seed} {name}", flush=True)
            return 1
        seconds = time.monotonic() - start
        outcome = f"skipped: {done}" if isinstance(done, str) else f"{done} faults in {seconds:.0f} s, all is well"
        print(f"{name}: {outcome}", flush=True)
    return 0


if __name__ == "__main__":
    number = int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(1 << 31)
    sys.exit(main(int(sys.argv[1]), number, sys.argv[3:]))
