"""A disk that fails: what is refused, what goes on, and what is there afterwards. strace makes system calls fail."""

import json
import os
import shutil
import subprocess

import pytest

from harness import batches, wire
from harness.broker import run_martlet
from harness.clients import Confluent
from harness.errors import Error

FIRST_SEGMENT = "00000000000000000000.log"


@pytest.fixture
def start_faulty(start_broker, tmp_path):
    """Starts a broker with two log directories whose system calls fail for one file of the partition events-0."""
    if not shutil.which("strace") or subprocess.run(["strace", "-qq", "true"], capture_output=True).returncode:
        pytest.skip("strace is missing or may not trace here")
    directories = [tmp_path / "one", tmp_path / "two"]

    def start(*faults, under=True, **settings):
        command = ["strace", "-f", "-qq", "-o", "/dev/null"]
        for directory in directories:
            command += ["-P", directory / "events-0" / FIRST_SEGMENT]
        command += ["-e", "trace=" + ",".join(fault.split(":")[0] for fault in faults)]
        for fault in faults:
            command += ["-e", f"inject={fault}"]
        settings = {"log.dirs": ",".join(map(str, directories))} | settings
        return start_broker(settings=settings, under=command if under else ())

    return start


def make_topics(connection):
    """Two topics of one partition, each in another directory: there the fewest are."""
    for name in ("events", "other"):
        assert wire.create_topic(connection, name).error_code == Error.NONE


def produce(connection, value, topic="events", acks=-1):
    return wire.produce(connection, topic, batches.batch([(None, value)]), acks=acks)


def produce_until_refused(connection):
    """The values that were acknowledged."""
    stored = []
    for number in range(100):
        result = produce(connection, b"%d" % number)
        if result.error_code != Error.NONE:
            assert result.error_code == Error.KAFKA_STORAGE_ERROR, result
            return stored
        assert result.base_offset == number
        stored.append(b"%d" % number)
    raise AssertionError("nothing was refused")


def values(broker, topic="events"):
    return [one.value for one in Confluent.consume(broker.bootstrap, topic, 1).get(0, [])]


def problems(broker):
    return json.loads(run_martlet("health", "-b", broker.bootstrap, "--json").stdout)["problems"]


def home(broker, partition="events-0"):
    """The log directory in which a partition is."""
    (found,) = [path for path in broker.settings["log.dirs"].split(",") if os.path.isdir(f"{path}/{partition}")]
    return found


@pytest.mark.parametrize(
    "fault",
    [
        "fdatasync:error=EIO:when=4",
        "fdatasync:error=ENOSPC:when=4",
        "pwritev:error=EIO:when=4",
        "pwritev:error=EROFS:when=4+",
    ],
)
def test_a_failed_write_or_sync_is_final_for_its_directory_and_reads_go_on(start_faulty, fault):
    broker = start_faulty(fault)
    with wire.connect(broker) as connection:
        make_topics(connection)
        stored = produce_until_refused(connection)
        assert stored, "the first was refused"
        for acks in (1, -1):
            assert produce(connection, b"late", acks=acks).error_code == Error.KAFKA_STORAGE_ERROR
        assert produce(connection, b"x", "other").error_code == Error.NONE
    assert home(broker) != home(broker, "other-0")
    assert values(broker) == stored
    assert values(broker, "other") == [b"x"]
    found = [(problem["kind"], problem["subject"]) for problem in problems(broker)]
    assert ("log-directory-offline", home(broker)) in found
    # A checkpoint may have been under way.
    assert {kind for kind, _ in found} <= {"log-directory-offline", "checkpoint-failing"}
    broker.stop()
    broker.under = []
    broker.start()
    with wire.connect(broker) as connection:
        assert problems(broker) == []
        # What was refused may be there or not; what was acknowledged is, in its place.
        assert values(broker)[: len(stored)] == stored
        assert set(values(broker)[len(stored) :]) <= {b"%d" % len(stored)}
        assert produce(connection, b"after").error_code == Error.NONE


def test_a_write_without_room_is_undone_and_the_next_one_succeeds(start_faulty):
    broker = start_faulty("pwritev:error=ENOSPC:when=3")
    with wire.connect(broker) as connection:
        make_topics(connection)
        stored = produce_until_refused(connection)
        broker.wait_for_log("has room again")
        result = produce(connection, b"after")
        assert (result.error_code, result.base_offset) == (Error.NONE, len(stored))
    assert values(broker) == [*stored, b"after"]
    assert problems(broker) == []


def test_a_read_that_fails_harms_only_that_read(start_faulty):
    broker = start_faulty("pread64:error=EIO", under=False, **{"log.segment.bytes": 1 << 20})
    batch = batches.batch([(None, os.urandom(200_000))])
    with wire.connect(broker) as connection:
        make_topics(connection)
        for _ in range(15):
            assert wire.produce(connection, "events", batch).error_code == Error.NONE
        assert produce(connection, b"x", "other").error_code == Error.NONE
    broker.stop()
    first = f"{home(broker)}/events-0/{FIRST_SEGMENT}"
    with open(first, "rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    faulty = ["strace", "-f", "-qq", "-o", "/dev/null", "-P", first, "-e", "trace=pread64"]
    broker.under = [*faulty, "-e", "inject=pread64:error=EIO"]
    broker.start()
    with wire.connect(broker) as connection:
        failed, _ = wire.fetch(connection, "events", 0)
        assert failed.error_code == Error.KAFKA_STORAGE_ERROR
        # The same partition elsewhere, another partition, and writing.
        read, found = wire.fetch(connection, "events", 14)
        assert (read.error_code, [one.base_offset for one in found]) == (Error.NONE, [14])
        assert wire.produce(connection, "events", batch).base_offset == 15
    assert values(broker, "other") == [b"x"]
    broker.wait_for_log("read of events-0 failed")
    assert problems(broker) == []
    broker.stop()
    broker.under = []
    broker.start()
    assert len(values(broker)) == 16
