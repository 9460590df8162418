"""`martlet log dump` and `martlet log verify` on the files that a broker has left."""

import json
import shutil

import pytest

from harness import messages, wire
from harness.batches import batch
from harness.broker import run_martlet
from harness.clients import Confluent

PARTITIONS = 2


@pytest.fixture
def data(start_broker, topic_name, rng):
    """The data directory of a broker that has stopped, with a topic of all kinds of record."""
    broker = start_broker()
    with wire.connect(broker) as connection:
        wire.create_topic(connection, topic_name, PARTITIONS, {"segment.bytes": str(1 << 20)})
    sent = messages.some(rng, PARTITIONS, 600)
    Confluent.produce(broker.bootstrap, topic_name, sent, "zstd")
    broker.stop()
    yield broker.data, topic_name, sent
    # The fixture that started it stops it once more.
    broker.start()


def lines(done):
    return [json.loads(line) for line in done.stdout.decode().splitlines()]


def test_dump_has_every_record(data):
    directory, topic, sent = data
    codecs = set()
    for partition in range(PARTITIONS):
        files = sorted((directory / f"{topic}-{partition}").glob("*.log"))
        done = run_martlet("log", "dump", *files, "--records", "--json")
        assert done.returncode == 0, done.stderr
        found = lines(done)
        records = [item for item in found if item["type"] == "record"]
        assert [record["offset"] for record in records] == list(range(len(records)))
        assert len(records) == sum(message.partition == partition for message in sent)
        batches = [item for item in found if item["type"] == "batch"]
        assert sum(item["records"] for item in batches) == len(records)
        assert all(item["crc_ok"] for item in batches)
        codecs |= {item["codec"] for item in batches}
    # The producer sends a batch as it is where zstd would make it larger.
    assert "zstd" in codecs and codecs <= {"zstd", "none"}


def test_dump_reads_every_kind_of_file(data):
    directory, topic, _ = data
    files = [path for path in (directory / f"{topic}-0").iterdir() if path.is_file()]
    files += [path for path in directory.iterdir() if path.name.endswith(("-checkpoint", ".properties"))]
    for path in files:
        done = run_martlet("log", "dump", path, "--json")
        assert done.returncode == 0, (path, done.stdout, done.stderr)
        assert lines(done)[0]["path"] == str(path)
    done = run_martlet("log", "dump", directory / "nothing.log", directory / "what.is-this", files[0])
    assert done.returncode == 1
    assert b"nothing.log" in done.stderr and b"what.is-this" in done.stderr and str(files[0]).encode() in done.stdout


def test_verify_finds_nothing_and_then_the_flipped_bit(data, tmp_path):
    directory, topic, _ = data
    done = run_martlet("log", "verify", directory, "--records")
    assert (done.returncode, done.stdout) == (0, b""), done.stdout
    assert b"no damage found" in done.stderr
    copy = tmp_path / "copy"
    shutil.copytree(directory, copy)
    segment = sorted((copy / f"{topic}-1").glob("*.log"))[0]
    damaged = bytearray(segment.read_bytes())
    damaged[100] ^= 4
    segment.write_bytes(damaged)
    for path in (copy, copy / f"{topic}-1"):
        done = run_martlet("log", "verify", path, "--json")
        assert done.returncode == 1
        finding, summary = lines(done)
        assert (finding["part"], finding["path"], finding["position"]) == ("records", str(segment), 0)
        assert (finding["first_offset"], summary["findings"]) == (0, 1)
    done = run_martlet("log", "dump", segment, "--json")
    assert done.returncode == 1
    assert lines(done)[1]["crc_ok"] is False


def test_verify_refuses_the_directory_of_a_running_broker(start_broker, topic_name):
    broker = start_broker()
    with wire.connect(broker) as connection:
        wire.create_topic(connection, topic_name)
        wire.produce(connection, topic_name, batch([(None, b"v")]))
    for path in (broker.data, broker.data / f"{topic_name}-0"):
        done = run_martlet("log", "verify", path)
        assert done.returncode == 1
        assert f"process {broker.pid}" in done.stderr.decode()
