"""Bits that flip in a broker's files: what consumers see of it, what the operator does."""

import json
import subprocess
import time

import confluent_kafka
import pytest

from harness import batches, wire
from harness.broker import run_martlet
from harness.errors import Error

SETTINGS = {"log.scrub.interval.ms": "1000"}
TOPIC = "events"
COUNT = 40
# Two batches, each in a segment of its own: of one a bit of a record, of the other one of the leader epoch, which no
# batch's checksum covers.
BODY, HEADER = 12, 25
SECONDS = 20


def value(offset):
    return b"value %04d " % offset + b"x" * 100


def wait(condition, what):
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def dumped(path):
    done = run_martlet("log", "dump", path, "--json")
    assert done.returncode in (0, 1), done.stderr
    return [json.loads(line) for line in done.stdout.decode().splitlines()]


def place(directory, offset):
    """The file with the batch of that offset, and where the batch begins in it."""
    for path in sorted(directory.glob("*.log")):
        for item in dumped(path):
            if item["type"] == "batch" and item["base_offset"] <= offset <= item["last_offset"]:
                return path, item["position"]
    raise AssertionError(f"no batch has offset {offset}")


def flip(path, position):
    with path.open("r+b") as file:
        file.seek(position)
        byte = file.read(1)[0]
        file.seek(position)
        file.write(bytes([byte ^ 1]))


def closed_segments(directory):
    manifest = directory / "segments.manifest"
    if not manifest.exists():
        return 0
    return sum(item["type"] == "closed-segment" and item["checksum"] is not None for item in dumped(manifest))


@pytest.fixture
def rotten(start_broker):
    """A broker whose files have rotted while it was away, and that has noticed."""
    broker = start_broker(settings=SETTINGS)
    directory = broker.data / f"{TOPIC}-0"
    with wire.connect(broker) as connection:
        wire.create_topic(connection, TOPIC, configs={"internal.segment.bytes": "400"})
        for offset in range(COUNT):
            payload = batches.batch([(b"key", value(offset))])
            assert wire.produce(connection, TOPIC, payload).error_code == Error.NONE
    count = len(list(directory.glob("*.log")))
    wait(lambda: closed_segments(directory) >= count - 1, "the closed segments are not summed up")
    broker.stop()
    for offset, byte in ((BODY, 90), (HEADER, 14)):
        path, position = place(directory, offset)
        flip(path, position + byte)
    broker.start()
    for offset in (BODY, HEADER):
        broker.wait_for_log(f"{TOPIC}-0 is damaged: offsets {offset} to {offset} ", SECONDS)
    return broker


def kcat(broker, start, count):
    command = ["kcat", "-C", "-b", broker.bootstrap, "-t", TOPIC, "-p", "0", "-o", str(start), "-c", str(count)]
    command += ["-q", "-f", "%o %s\n", "-X", "check.crcs=true"]
    done = subprocess.run(command, capture_output=True, timeout=60, check=True)
    return [line.split(b" ", 1) for line in done.stdout.splitlines()]


def expected(offsets):
    return [[b"%d" % offset, value(offset)] for offset in offsets]


def test_neighbours_are_served_and_damage_is_refused(rotten):
    with wire.connect(rotten) as connection:
        for offset in range(COUNT):
            partition, found = wire.fetch(connection, TOPIC, offset, partition_bytes=1)
            if offset in (BODY, HEADER):
                assert (partition.error_code, found) == (Error.CORRUPT_MESSAGE, [])
            else:
                assert (partition.error_code, found[0].base_offset) == (0, offset)
    assert kcat(rotten, 0, BODY) == expected(range(BODY))
    assert kcat(rotten, BODY + 1, HEADER - BODY - 1) == expected(range(BODY + 1, HEADER))
    assert kcat(rotten, HEADER + 1, COUNT - HEADER - 1) == expected(range(HEADER + 1, COUNT))
    settings = {"bootstrap.servers": rotten.bootstrap, "group.id": "none", "enable.auto.commit": False}
    consumer = confluent_kafka.Consumer({**settings, "check.crcs": True})
    consumer.assign([confluent_kafka.TopicPartition(TOPIC, 0, HEADER + 1)])
    found = []
    wait(lambda: found.extend(consumer.consume(100, 0.1)) or len(found) >= COUNT - HEADER - 1, "not all is served")
    consumer.close()
    assert [(one.offset(), one.value()) for one in found] == [(one, value(one)) for one in range(HEADER + 1, COUNT)]


def test_the_operator_is_told(rotten):
    done = run_martlet("health", "-b", rotten.bootstrap)
    assert done.returncode == 1 and b"records-damaged" in done.stdout and b"martlet log repair" in done.stdout
    described = run_martlet("topic", "describe", TOPIC, "-b", rotten.bootstrap).stdout.decode()
    assert "records-damaged (failing): events-0" in described and f"offsets {BODY} to {BODY}" in described
    explained = run_martlet("topic", "explain", TOPIC, "--json", "-b", rotten.bootstrap)
    ((partition,),) = [topic["partitions"] for topic in json.loads(explained.stdout)]
    assert [one["first_offset"] for one in partition["damage"]] == [BODY, HEADER]
    wait(
        lambda: b"Last read in full" in run_martlet("topic", "explain", TOPIC, "-b", rotten.bootstrap).stdout,
        "it was not read in full",
    )
    text = run_martlet("topic", "explain", TOPIC, "-b", rotten.bootstrap).stdout.decode()
    assert f"{BODY} to {BODY}" in text and "refused" in text


def test_on_order_consumers_pass_the_damage(rotten):
    refused = run_martlet("log", "repair", rotten.data, "--execute")
    assert refused.returncode == 1 and b"in use" in refused.stderr
    rotten.stop()
    verified = run_martlet("log", "verify", rotten.data)
    assert verified.returncode == 1 and verified.stdout.count(b"records: ") == 2, verified.stdout
    listed = run_martlet("log", "repair", rotten.data)
    assert listed.returncode == 1
    assert [line.split(b" (")[0] for line in listed.stdout.splitlines()] == [
        b"would skip events-0: offsets %d to %d" % (offset, offset) for offset in (BODY, HEADER)
    ]
    done = run_martlet("log", "repair", rotten.data, "--execute", "--json")
    assert done.returncode == 0, done.stderr
    for line in done.stdout.splitlines():
        item = json.loads(line)
        with open(item["kept_in"], "rb") as file:
            assert len(file.read()) == item["bytes"]
    assert run_martlet("log", "verify", rotten.data).returncode == 0
    assert run_martlet("log", "repair", rotten.data).returncode == 0
    rotten.start()
    left = [offset for offset in range(COUNT) if offset not in (BODY, HEADER)]
    assert kcat(rotten, 0, len(left)) == expected(left)
    assert run_martlet("health", "-b", rotten.bootstrap).returncode == 0
    with wire.connect(rotten) as connection:
        payload = batches.batch([(b"key", value(COUNT))])
        assert wire.produce(connection, TOPIC, payload).base_offset == COUNT
