"""What survives a stop and a crash: everything that was acknowledged, in its place."""

import signal
import struct
import time

import pytest

from harness import batches, clients, messages, wire
from harness.broker import run_martlet
from harness.clients import Confluent
from harness.errors import Error
from test_configs import TOPIC, by_name, describe

ENDS = ("stop", "kill9")


def end_and_start(broker, end):
    getattr(broker, end)()
    return broker.start()


@pytest.mark.parametrize("end", ENDS)
def test_records_offsets_ids_and_configs_survive(start_broker, topic_name, rng, end):
    broker = start_broker()
    sent = messages.some(rng, 3, 600)
    with wire.connect(broker) as connection:
        made = wire.create_topic(connection, topic_name, 3, {"retention.ms": "123456789"})
        cluster = connection.call(wire.metadata([])).cluster_id
    Confluent.produce(broker.bootstrap, topic_name, sent, "zstd")
    for round_number in (1, 2):
        end_and_start(broker, end)
        with wire.connect(broker) as connection:
            response = connection.call(wire.metadata([topic_name]))
            assert response.cluster_id == cluster
            (found,) = response.topics
            assert (found.topic_id, len(found.partitions)) == (made.topic_id, 3)
            retention = by_name(describe(connection, TOPIC, topic_name))["retention.ms"]
            assert retention.value == "123456789"
        received = Confluent.consume(broker.bootstrap, topic_name, 3)
        clients.assert_same(sent * round_number, received)
        Confluent.produce(broker.bootstrap, topic_name, sent, "none")
        clients.assert_same(sent * (round_number + 1), Confluent.consume(broker.bootstrap, topic_name, 3))


@pytest.mark.parametrize("end", ENDS)
def test_a_deleted_topic_stays_deleted_and_trimmed_records_trimmed(start_broker, topic_name, end):
    from kafka.protocol.admin import DeleteRecordsRequest

    broker = start_broker()
    kept, gone = f"{topic_name}-kept", f"{topic_name}-gone"
    with wire.connect(broker) as connection:
        for name in (kept, gone):
            wire.create_topic(connection, name)
            for _ in range(10):
                wire.produce(connection, name, batches.batch([(None, b"v")]))
        assert wire.delete_topic(connection, gone).error_code == Error.NONE
        Topic = DeleteRecordsRequest.DeleteRecordsTopic
        one = Topic.DeleteRecordsPartition(partition_index=0, offset=6, version=2)
        request = DeleteRecordsRequest(
            version=2, topics=[Topic(name=kept, partitions=[one], version=2)], timeout_ms=5000
        )
        assert connection.call(request).topics[0].partitions[0].low_watermark == 6
    end_and_start(broker, end)
    with wire.connect(broker) as connection:
        assert wire.topic_metadata(connection, gone).error_code == Error.UNKNOWN_TOPIC_OR_PARTITION
        assert (wire.list_offset(connection, kept, -2).offset, wire.list_offset(connection, kept, -1).offset) == (6, 10)
        assert wire.create_topic(connection, gone).error_code == Error.NONE
        assert wire.list_offset(connection, gone, -1).offset == 0


def test_killed_while_producing_keeps_what_was_acknowledged(start_broker, topic_name):
    """Records in flight may be stored or not; those acknowledged are, at the offset that was told."""
    broker = start_broker()
    with wire.connect(broker) as connection:
        wire.create_topic(connection, topic_name)
    for _ in range(5):
        acknowledged = {}
        connection = wire.Connection(broker.address)
        for number in range(200):
            payload = batches.batch([(b"k", b"%d " % number * 100)])
            answer = wire.produce(connection, topic_name, payload)
            acknowledged[answer.base_offset] = b"%d " % number * 100
        for _ in range(20):  # these are on their way when it dies
            connection.send(wire.produce_request(topic_name, batches.batch([(b"k", b"in flight")])))
        broker.kill9()
        connection.close()
        broker.start()
        with wire.connect(broker) as again:
            offset = min(acknowledged)
            found = {}
            end = wire.list_offset(again, topic_name, -1).offset
            while offset < end:
                for batch in wire.fetch(again, topic_name, offset)[1]:
                    for record in batch.records:
                        found[record.offset] = record.value
                    offset = batch.last_offset + 1
            assert {one: found.get(one) for one in acknowledged} == acknowledged
            # The next offset is new.
            assert wire.produce(again, topic_name, batches.batch([(b"k", b"v")])).base_offset == end


def test_a_torn_batch_at_the_end_of_the_log_is_cut_off(start_broker, topic_name):
    broker = start_broker()
    with wire.connect(broker) as connection:
        wire.create_topic(connection, topic_name)
        for number in range(10):
            wire.produce(connection, topic_name, batches.batch([(None, b"%d" % number)]))
    broker.kill9()
    log = broker.data / f"{topic_name}-0" / "00000000000000000000.log"
    torn = batches.batch([(None, b"torn" * 1000)], base_offset=10)
    whole = log.read_bytes()
    log.write_bytes(whole + torn[: len(torn) // 2])
    broker.start()
    with wire.connect(broker) as connection:
        assert wire.list_offset(connection, topic_name, -1).offset == 10
        assert wire.produce(connection, topic_name, batches.batch([(None, b"10")])).base_offset == 10
        found = wire.fetch(connection, topic_name, 0)[1]
        assert [int(record.value) for one in found for record in one.records] == list(range(11))


@pytest.mark.parametrize("suffix", [".index", ".timeindex"])
@pytest.mark.parametrize("damage", ["missing", "empty", "rubbish"])
def test_lost_and_broken_index_files_cost_nothing(start_broker, topic_name, suffix, damage):
    broker = start_broker()
    start = batches.now() - 1_000_000
    with wire.connect(broker) as connection:
        wire.create_topic(connection, topic_name, 1, {"index.interval.bytes": "100"})
        for number in range(100):
            wire.produce(connection, topic_name, batches.batch([(None, b"%d" % number)], timestamp=start + number))
    broker.stop()
    index = broker.data / f"{topic_name}-0" / f"00000000000000000000{suffix}"
    if damage == "missing":
        index.unlink()
    else:
        index.write_bytes(b"" if damage == "empty" else b"\xde\xad\xbe\xef" * 60)
    broker.start()
    with wire.connect(broker) as connection:
        for offset in (0, 50, 99):
            assert wire.fetch(connection, topic_name, offset)[1][0].base_offset == offset
        assert wire.list_offset(connection, topic_name, start + 42).offset == 42


def test_files_are_kafkas(start_broker, topic_name):
    broker = start_broker()
    with wire.connect(broker) as connection:
        wire.create_topic(connection, topic_name, 2)
        wire.produce(connection, topic_name, batches.batch([(b"k", b"v"), (b"l", b"w")]))
        wire.produce(connection, topic_name, batches.batch([(b"m", b"x")], codec=4))
    directory = broker.data / f"{topic_name}-0"
    segment = directory / "00000000000000000000.log"
    found = batches.split(segment.read_bytes())
    assert [(one.base_offset, one.count) for one in found] == [(0, 2), (2, 1)]
    identity = (broker.data / "meta.properties").read_text().splitlines()
    assert {"version", "cluster.id", "node.id"} <= {line.partition("=")[0] for line in identity}
    made = (directory / "partition.metadata").read_text().splitlines()
    assert made[0] == "version: 0" and made[1].startswith("topic_id: ")


def test_index_files_are_kafkas(start_broker, topic_name):
    """Pairs of offset and position in 4 bytes each, and of a timestamp in 8 and an offset in 4 bytes."""
    broker = start_broker()
    start = batches.now() - 1_000_000
    with wire.connect(broker) as connection:
        wire.create_topic(connection, topic_name, 1, {"index.interval.bytes": "4096"})
        for number in range(100):
            payload = batches.batch([(None, b"x" * 1000)] * 2, timestamp=start + number)
            wire.produce(connection, topic_name, payload)
    broker.stop()
    directory = broker.data / f"{topic_name}-0"
    positions, position = {}, 0
    for one in batches.split((directory / "00000000000000000000.log").read_bytes()):
        positions[position] = one
        position += len(payload)
    entries = list(struct.iter_unpack(">ii", (directory / "00000000000000000000.index").read_bytes()))
    # An entry is due after more than 4096 bytes, that is every second batch of 2 kB or every third.
    assert 30 <= len(entries) <= 50
    assert entries == sorted(entries)
    for offset, position in entries:
        batch = positions[position]
        assert batch.base_offset <= offset <= batch.last_offset
    times = list(struct.iter_unpack(">qi", (directory / "00000000000000000000.timeindex").read_bytes()))
    assert len(times) >= len(entries)
    assert times == sorted(times)
    for timestamp, offset in times:
        assert offset in (2 * (timestamp - start), 2 * (timestamp - start) + 1)


def test_segments_roll_and_stay_readable(start_broker, topic_name, rng):
    broker = start_broker()
    with wire.connect(broker) as connection:
        wire.create_topic(connection, topic_name, 1, {"segment.bytes": "1048576"})
        for number in range(60):
            payload = batches.batch([(b"%d" % number, rng.randbytes(100_000))])
            assert wire.produce(connection, topic_name, payload).base_offset == number
    segments = sorted(one.name for one in (broker.data / f"{topic_name}-0").glob("*.log"))
    assert len(segments) > 4
    for end in ENDS:
        end_and_start(broker, end)
        with wire.connect(broker) as connection:
            position = 0
            while position < 60:
                found = wire.fetch(connection, topic_name, position)[1]
                assert found[0].base_offset == position
                position = found[-1].last_offset + 1
            for segment in segments:
                offset = int(segment[:20])
                assert wire.fetch(connection, topic_name, offset)[1][0].base_offset == offset


def test_stopping_lets_waiting_clients_go(start_broker, topic_name):
    broker = start_broker()
    with wire.connect(broker) as connection:
        wire.create_topic(connection, topic_name)
        connection.send(wire.fetch_request(topic_name, 0, max_wait=300_000, min_bytes=1))
        start = time.monotonic()
        broker.stop()
        assert time.monotonic() - start < 10


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_stop_it_cleanly(start_broker, number):
    broker = start_broker()
    broker.process.send_signal(number)
    assert broker.process.wait(20) == 0
    broker.discard()


def test_ephemeral_leaves_nothing_behind(tmp_path):
    """Its data is in a directory of its own that is gone with it."""
    import subprocess

    from harness.broker import BINARY

    process = subprocess.Popen(
        [str(BINARY), "serve", "--ephemeral", "--listen", "127.0.0.1:0"],
        cwd=tmp_path,
        env={"TMPDIR": str(tmp_path), "PATH": "/usr/bin:/bin"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    line = next(line for line in process.stdout if "ready" in line.lower())
    assert "127.0.0.1:" in line
    process.terminate()
    assert process.wait(20) == 0
    assert list(tmp_path.iterdir()) == []


def test_restart_with_many_partitions_does_not_depend_on_the_data(start_broker, topic_name):
    """A clean start opens files and reads none of the records: the same with nothing and with 50 MB in them."""
    broker = start_broker()
    with wire.connect(broker) as connection:
        wire.create_topic(connection, topic_name, 100)
    broker.restart()
    empty = read_bytes_of(broker)
    with wire.connect(broker) as connection:
        payload = batches.batch([(None, b"x" * 500_000)])
        for partition in range(100):
            assert wire.produce(connection, topic_name, payload, partition=partition).error_code == Error.NONE
    broker.restart()
    with wire.connect(broker) as connection:
        assert wire.list_offset(connection, topic_name, -1, partition=99).offset == 1
    assert read_bytes_of(broker) - empty < 20_000_000


def read_bytes_of(broker):
    """What it has read through system calls since it started."""
    with open(f"/proc/{broker.pid}/io", encoding="ascii") as counters:
        return int(next(line for line in counters if line.startswith("rchar")).split()[1])


def test_the_command_line_is_there():
    assert run_martlet("--help").returncode == 0
