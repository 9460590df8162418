"""Disks that fail or are full under a running broker, and index files that are lost or another segment's."""

import shutil
import subprocess
import time

import pytest

from harness import batches, wire
from harness.errors import Error

TOPIC = "events"
SECONDS = 20


def one_record(number, size=100):
    return batches.batch([(b"%d" % number, b"%d " % number + b"x" * size)])


def produce(connection, number, acks=-1, size=100):
    return wire.produce(connection, TOPIC, one_record(number, size), acks=acks)


def produce_again(connection, number):
    """Produces as soon as the broker has noticed that there is space again."""
    deadline = time.monotonic() + SECONDS
    while (answer := produce(connection, number)).error_code:
        assert answer.error_code == Error.KAFKA_STORAGE_ERROR
        assert time.monotonic() < deadline, f"still refused with space again: {answer}"
        time.sleep(0.1)
    return answer


def numbers(connection, start=0):
    """The numbers of all records that can be read, in order."""
    found = []
    while True:
        _, fetched = wire.fetch(connection, TOPIC, start)
        if not fetched:
            return found
        for batch in fetched:
            found += [int(record.key) for record in batch.records]
            start = batch.last_offset + 1


class Fault:
    """Lets system calls of a running process fail, by strace, until the block ends."""

    def __init__(self, broker, calls, error, when="1+"):
        self.command = ["strace", "-f", "-qq", "-o", "/dev/null", "-p", str(broker.pid)]
        self.command += ["-e", f"trace={calls}", "-e", f"inject={calls}:error={error}:when={when}"]
        self.pid = broker.pid

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stderr=subprocess.PIPE)
        deadline = time.monotonic() + SECONDS
        while not self.is_attached():
            if self.process.poll() is not None:
                pytest.skip(f"strace cannot attach: {self.process.stderr.read().decode().strip()}")
            assert time.monotonic() < deadline
            time.sleep(0.01)
        # One thread after the other is attached.
        time.sleep(0.2)
        return self

    def is_attached(self):
        with open(f"/proc/{self.pid}/status", encoding="ascii") as status:
            return any(line.startswith("TracerPid:") and int(line.split()[1]) for line in status)

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


@pytest.fixture
def own_broker(start_broker):
    broker = start_broker()
    with wire.connect(broker) as connection:
        assert wire.create_topic(connection, TOPIC).error_code == 0
    return broker


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
@pytest.mark.parametrize("first", [1, 2, 3])
def test_nothing_is_acknowledged_after_a_failed_sync(own_broker, first):
    with wire.connect(own_broker) as connection:
        for number in range(5):
            assert produce(connection, number).error_code == 0
        acknowledged = list(range(5))
        with Fault(own_broker, "fdatasync,fsync,syncfs", "EIO", f"{first}+"):
            for number in range(5, 30):
                answer = produce(connection, number)
                if answer.error_code == 0:
                    acknowledged.append(number)
                else:
                    assert answer.error_code == Error.KAFKA_STORAGE_ERROR
            assert len(acknowledged) < 30
        # The next sync would claim success; that proves nothing about what the failed one should have written.
        for acks in (1, -1):
            assert produce(connection, 100, acks=acks).error_code == Error.KAFKA_STORAGE_ERROR
        # What was durable before is still served.
        assert numbers(connection) == acknowledged
    own_broker.kill9()
    own_broker.start()
    with wire.connect(own_broker) as connection:
        assert numbers(connection)[: len(acknowledged)] == acknowledged
        assert produce(connection, 200).error_code == 0


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_a_write_without_space_is_refused_and_leaves_the_log_as_it_was(own_broker):
    with wire.connect(own_broker) as connection:
        assert produce(connection, 0).error_code == 0
        with Fault(own_broker, "pwritev", "ENOSPC"):
            for number in range(1, 4):
                assert produce(connection, number, acks=1).error_code == Error.KAFKA_STORAGE_ERROR
            assert numbers(connection) == [0]
        assert produce_again(connection, 4).base_offset == 1
        assert numbers(connection) == [0, 4]
    own_broker.kill9()
    own_broker.start()
    with wire.connect(own_broker) as connection:
        assert numbers(connection) == [0, 4]


def segments_of(broker):
    return sorted((broker.data / f"{TOPIC}-0").glob("*.log"))


@pytest.mark.parametrize("kind", ["lost", "foreign", "empty"])
def test_index_files_are_only_hints(start_broker, kind):
    broker = start_broker()
    configs = {"internal.segment.bytes": "4000", "index.interval.bytes": "1"}
    with wire.connect(broker) as connection:
        assert wire.create_topic(connection, TOPIC, 1, configs).error_code == 0
        for number in range(100):
            assert produce(connection, number).error_code == 0
    broker.stop()
    segments = segments_of(broker)
    assert len(segments) > 3
    for number, segment in enumerate(segments):
        for suffix in (".index", ".timeindex"):
            path = segment.with_suffix(suffix)
            if kind == "lost":
                path.unlink(missing_ok=True)
            elif kind == "empty":
                path.write_bytes(b"")
            else:
                path.write_bytes(segments[(number + 1) % len(segments)].with_suffix(suffix).read_bytes())
    broker.start()
    with wire.connect(broker) as connection:
        assert numbers(connection) == list(range(100))
        for offset in range(0, 100, 7):
            assert numbers(connection, offset) == list(range(offset, 100))
        assert wire.list_offset(connection, TOPIC, 0).offset == 0
        assert produce(connection, 100).base_offset == 100


@pytest.fixture
def small_disk(tmp_path):
    """A file system of a few megabytes."""
    path = tmp_path / "disk"
    path.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", str(path)], check=False, capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"no disk of its own can be had: {mounted.stderr.strip()}")
    yield path
    subprocess.run(["umount", "-l", str(path)], check=False)


def test_a_full_disk_refuses_records_until_there_is_space_again(small_disk, start_broker):
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"\0" * (6 << 20))
    broker = start_broker(data=small_disk / "data")
    acknowledged = []
    with wire.connect(broker) as connection:
        assert wire.create_topic(connection, TOPIC).error_code == 0
        answer = None
        for number in range(100):
            answer = produce(connection, number, size=100_000)
            if answer.error_code:
                break
            acknowledged.append(number)
        assert answer.error_code == Error.KAFKA_STORAGE_ERROR and len(acknowledged) > 5
        assert numbers(connection) == acknowledged
        ballast.unlink()
        assert produce_again(connection, 1000).base_offset == len(acknowledged)
        assert numbers(connection) == [*acknowledged, 1000]
    broker.kill9()
    broker.start()
    with wire.connect(broker) as connection:
        assert numbers(connection) == [*acknowledged, 1000]
