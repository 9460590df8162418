"""Compaction as clients and operators meet it: the last value of every key stays at its offset, whatever happens."""

import json
import os
import pty
import subprocess
import threading
import time

import confluent_kafka
import pytest

from harness import batches, wire
from harness.broker import BINARY, run_martlet
from harness.errors import Error
from test_configs import SET, TOPIC, alter

# With this ratio nothing is compacted that nobody asks for.
SMALL = {"cleanup.policy": "compact", "internal.segment.bytes": "4096", "min.cleanable.dirty.ratio": "1"}


def create(broker, topic, partitions=1, **configs):
    with wire.connect(broker) as connection:
        settings = {**SMALL, **{key.replace("_", "."): str(value) for key, value in configs.items()}}
        assert wire.create_topic(connection, topic, partitions, settings).error_code == Error.NONE


def write(broker, topic, records, **options):
    """Produces records of one partition with confluent-kafka; returns (offset, key, value) as acknowledged."""
    acknowledged = []

    def delivered(error, message):
        if error is None:
            acknowledged.append((message.offset(), message.key(), message.value()))

    producer = confluent_kafka.Producer(
        {"bootstrap.servers": broker.bootstrap, "linger.ms": 1, "batch.size": 2000, **options}
    )
    for key, value in records:
        producer.produce(topic, value, key, partition=0, on_delivery=delivered)
    producer.flush(30)
    assert len(acknowledged) == len(records)
    return acknowledged


def read(broker, topic, partition=0):
    """Everything in a partition, from its begin to its end of now, as (offset, key, value)."""
    consumer = confluent_kafka.Consumer(
        {"bootstrap.servers": broker.bootstrap, "group.id": "none", "enable.partition.eof": True, "check.crcs": True}
    )
    consumer.assign([confluent_kafka.TopicPartition(topic, partition, confluent_kafka.OFFSET_BEGINNING)])
    records = []
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        message = consumer.poll(1)
        if message is None:
            continue
        if message.error():
            assert message.error().code() == confluent_kafka.KafkaError._PARTITION_EOF, message.error()
            consumer.close()
            return records
        records.append((message.offset(), message.key(), message.value()))
    raise AssertionError(f"no end of {topic} after {len(records)} records")


def last_of_each(records):
    return sorted({key: (offset, key, value) for offset, key, value in records}.values())


def compact(broker, topic, *options):
    done = run_martlet("compact", topic, *options, "--json", "-b", broker.bootstrap)
    assert done.returncode == 0, done
    ((partition,),) = [one["partitions"] for one in json.loads(done.stdout)]
    return partition


@pytest.mark.parametrize("codec", ["none", "zstd", "lz4", "snappy", "gzip"])
def test_the_last_value_of_every_key_stays_at_its_offset(broker, topic_name, codec):
    create(broker, topic_name)
    records = [(b"key %d" % (number % 37), b"value %d" % number) for number in range(2000)]
    sent = write(broker, topic_name, records, **{"compression.type": codec})
    assert len(sent) == 2000
    done = compact(broker, topic_name, "--wait")
    assert (done["state"], done["records_before"], done["records_after"]) == ("done", 2000, 37)
    assert done["bytes_after"] < done["bytes_before"] and done["segments_after"] < done["segments_before"]
    assert read(broker, topic_name) == last_of_each(sent)
    out = subprocess.run(
        ["kcat", "-b", broker.bootstrap, "-C", "-t", topic_name, "-e", "-q", "-f", r"%o %k=%s\n"],
        capture_output=True,
        timeout=60,
        check=True,
    )
    assert out.stdout.splitlines() == [b"%d %s=%s" % one for one in last_of_each(sent)]
    with wire.connect(broker) as connection:
        assert wire.list_offset(connection, topic_name, -1).offset == 2000


def test_tombstones_stay_for_their_time_and_go_on_demand(broker, topic_name):
    create(broker, topic_name)
    write(broker, topic_name, [(b"gone", b"value"), (b"kept", b"value")])
    sent = write(broker, topic_name, [(b"gone", None)])
    compact(broker, topic_name, "--wait")
    assert read(broker, topic_name) == [(1, b"kept", b"value"), *sent]
    assert compact(broker, topic_name, "--dry-run", "--purge-tombstones")["records_after"] == 1
    assert (2, b"gone", None) in read(broker, topic_name)
    compact(broker, topic_name, "--wait", "--purge-tombstones")
    assert read(broker, topic_name) == [(1, b"kept", b"value")]


def test_tombstones_go_by_themselves_in_time(start_broker):
    broker = start_broker(settings={"log.cleaner.backoff.ms": "50"})
    create(broker, "table", min_cleanable_dirty_ratio=0.01, delete_retention_ms=300)
    write(broker, "table", [(b"gone", b"value"), (b"gone", None), (b"kept", b"1")])
    compact(broker, "table", "--wait")
    time.sleep(0.4)
    write(broker, "table", [(b"kept", b"2")])
    compact(broker, "table", "--wait")
    assert read(broker, "table") == [(3, b"kept", b"2")]


def test_what_cannot_be_compacted_is_refused_in_words(broker, make_topic):
    events = make_topic(cleanup_policy="delete")
    done = run_martlet("compact", events, "--wait", "-b", broker.bootstrap)
    assert done.returncode == 1
    assert b"not compacted, its cleanup.policy is delete" in done.stderr
    done = run_martlet("compact", "no-such-topic", "-b", broker.bootstrap)
    assert done.returncode == 1 and b"no-such-topic" in done.stderr


def test_without_wait_it_only_begins(broker, topic_name):
    create(broker, topic_name)
    sent = write(broker, topic_name, [(b"key", b"%d" % number) for number in range(100)])
    done = run_martlet("compact", topic_name, "-b", broker.bootstrap)
    assert done.returncode == 0 and b"--wait' waits for the end" in done.stdout
    assert compact(broker, topic_name, "--wait")["state"] == "done"
    assert read(broker, topic_name) == sent[-1:]


def test_a_dry_run_changes_nothing_and_says_what_would_be_left(broker, topic_name):
    create(broker, topic_name)
    sent = write(broker, topic_name, [(b"%d" % (number % 10), b"x" * 100) for number in range(1000)])
    promised = compact(broker, topic_name, "--dry-run")
    assert read(broker, topic_name) == sent
    done = compact(broker, topic_name, "--wait")
    assert done == promised | {"state": "done"}
    assert read(broker, topic_name) == last_of_each(sent)
    text = run_martlet("compact", topic_name, "--dry-run", "-b", broker.bootstrap).stdout.decode()
    assert text == f"topic {topic_name} partition 0: nothing to compact\n"


def test_explain_and_describe_say_how_dirty_and_when_next(broker, topic_name):
    create(broker, topic_name, min_cleanable_dirty_ratio=0.5, min_compaction_lag_ms=3_600_000)
    write(broker, topic_name, [(b"key", b"x" * 100)] * 200)
    (topic,) = json.loads(run_martlet("topic", "explain", topic_name, "--json", "-b", broker.bootstrap).stdout)
    found = topic["partitions"][0]["compaction"]
    assert (found["due"], found["reason"], found["last_time"]) == (False, "young", None)
    assert found["young_bytes"] > 20_000
    with wire.connect(broker) as connection:
        assert alter(connection, TOPIC, topic_name, [("min.compaction.lag.ms", SET, "0")]).error_code == Error.NONE
    compact(broker, topic_name, "--wait")
    (topic,) = json.loads(run_martlet("topic", "describe", topic_name, "--json", "-b", broker.bootstrap).stdout)
    found = topic["partitions"][0]["compaction"]
    assert (found["due"], found["reason"], found["dirty_ratio"], found["compacted_to"]) == (False, "nothing", 0, 200)
    assert found["last_bytes_before"] > found["last_bytes_after"] > 0
    for verb in ("explain", "describe"):
        text = run_martlet("topic", verb, topic_name, "-b", broker.bootstrap).stdout.decode()
        assert "Compaction:\nPARTITION  DIRTY  CLEAN TO  LAST COMPACTION" in text and "nothing is new" in text


def test_a_bar_on_a_terminal(start_broker):
    # Slow enough that there is something to see.
    broker = start_broker(settings={"log.cleaner.io.max.bytes.per.second": "1000000"})
    create(broker, "table", internal_segment_bytes=100_000)
    write(broker, "table", [(b"%d" % (number % 10), os.urandom(1000)) for number in range(600)])
    terminal, other_side = pty.openpty()
    process = subprocess.Popen(
        [str(BINARY), "compact", "table", "--wait", "-b", broker.bootstrap],
        stdout=subprocess.PIPE,
        stderr=other_side,
    )
    output, _ = process.communicate(timeout=60)
    os.close(other_side)
    shown = os.read(terminal, 1 << 20).decode()
    os.close(terminal)
    assert process.returncode == 0
    assert "█" in shown and " %  0 of 1 partitions" in shown
    assert " became " in output.decode() and "600 records 10" in output.decode()


def test_a_failure_is_told_with_its_reason_and_the_next_try(start_broker):
    broker = start_broker()
    create(broker, "table")
    write(broker, "table", [(b"key", b"value %d" % number + b"x" * 100) for number in range(100)])
    first = broker.data / "table-0" / "00000000000000000000.log"
    damaged = bytearray(first.read_bytes())
    damaged[200] ^= 0x10
    first.write_bytes(damaged)
    done = run_martlet("compact", "table", "--wait", "-b", broker.bootstrap)
    assert done.returncode == 1
    assert b"partition 0: failed and is tried again by the broker" in done.stdout
    assert b"records are damaged" in done.stdout
    report = run_martlet("health", "-b", broker.bootstrap).stdout.decode()
    assert "compaction-failing (degraded): table-0" in report and "tried again at 20" in report
    # Why, too: what compaction met is known to readers as well.
    assert "records-damaged (failing): table-0" in report
    described = run_martlet("topic", "describe", "table", "-b", broker.bootstrap).stdout.decode()
    assert "compaction-failing (degraded): table-0" in described


def test_readers_see_the_last_values_while_compaction_runs(start_broker):
    broker = start_broker(settings={"log.cleaner.backoff.ms": "10"})
    create(broker, "table", min_cleanable_dirty_ratio=0.01)
    keys = [b"key %d" % number for number in range(20)]
    sent = write(broker, "table", [(key, b"first") for key in keys])
    ended = threading.Event()
    problems = []

    def reader():
        while not ended.is_set():
            known = last_of_each(list(sent))
            found = read(broker, "table")
            offsets = [offset for offset, _, _ in found]
            if offsets != sorted(set(offsets)):
                problems.append(f"offsets are not in order: {offsets}")
            newest = {key: offset for offset, key, _ in found}
            problems.extend(
                f"{key} is lost: {offset} was acknowledged, {newest.get(key)} is the last one"
                for offset, key, _ in known
                if newest.get(key, -1) < offset
            )

    readers = [threading.Thread(target=reader) for _ in range(2)]
    for one in readers:
        one.start()
    for number in range(40):
        sent += write(broker, "table", [(key, b"%d" % number + b"x" * 50) for key in keys])
    ended.set()
    for one in readers:
        one.join()
    assert problems == []
    assert "compacted up to offset" in broker.log
    compact(broker, "table", "--wait")
    assert read(broker, "table") == last_of_each(sent)


def test_a_kill_in_the_middle_of_compactions_loses_nothing(start_broker, rng):
    """Slow compactions, so that nearly every kill hits one."""
    broker = start_broker(settings={"log.cleaner.backoff.ms": "10", "log.cleaner.io.max.bytes.per.second": "2000000"})
    create(broker, "table", min_cleanable_dirty_ratio=0.01, delete_retention_ms=1)
    known, newest, interrupted = {}, {}, 0
    for _ in range(12):
        records = [(b"key %d" % rng.randrange(50), rng.randbytes(rng.randrange(400))) for _ in range(1500)]
        for offset, key, value in write(broker, "table", records, **{"compression.type": rng.choice(["none", "lz4"])}):
            assert offset not in known, "an offset was given twice"
            known[offset] = (key, value)
            newest[key] = max(offset, newest.get(key, -1))
        run_martlet("compact", "table", "-b", broker.bootstrap)
        time.sleep(rng.random() * 0.3)
        interrupted += any((broker.data / "table-0").glob("*.cleaned"))
        broker.kill9()
        broker.start()
        found = read(broker, "table")
        offsets = [offset for offset, _, _ in found]
        assert offsets == sorted(set(offsets))
        for offset, key, value in found:
            assert known[offset] == (key, value), f"another record is at {offset}"
        last = {key: offset for offset, key, _ in found}
        assert last == newest
    assert interrupted > 0, "no kill came while something was compacted"
    compact(broker, "table", "--wait")
    assert sorted(newest.values()) == [offset for offset, _, _ in read(broker, "table")]
    broker.stop()
    verified = run_martlet("log", "verify", broker.data)
    assert verified.returncode == 0, verified.stdout.decode()
    broker.start()


def test_sequence_numbers_survive_compaction_and_restart(start_broker):
    """A producer whose records are all superseded still gets the first answer for a batch that it sends again."""
    broker = start_broker()
    create(broker, "table")
    with wire.connect(broker) as connection:
        producer = wire.init_producer(connection)
        identity = {"producer_id": producer.producer_id, "producer_epoch": producer.producer_epoch}
        payload = batches.batch([(b"key", b"old")], base_sequence=0, **identity)
        assert wire.produce(connection, "table", payload).base_offset == 0
    write(broker, "table", [(b"key", b"new"), (b"key", b"newer")])
    compact(broker, "table", "--wait")
    for end in (broker.stop, broker.kill9):
        end()
        broker.start()
        with wire.connect(broker) as connection:
            again = wire.produce(connection, "table", payload)
            assert (again.error_code, again.base_offset) == (Error.NONE, 0)
        assert [value for _, _, value in read(broker, "table")] == [b"newer"]
