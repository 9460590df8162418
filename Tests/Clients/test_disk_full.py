"""A disk that fills up: producers wait, everything else goes on, and writing resumes by itself."""

import asyncio
import json
import os
import subprocess
import threading
import time

import aiokafka
import confluent_kafka
import confluent_kafka.admin
import kafka
import pytest

from harness import batches, wire
from harness.broker import run_martlet
from harness.clients import Confluent
from harness.errors import Error

DISK = 64 << 20
# A tenth of it, as on any small disk.
RESERVE = DISK // 10
PATIENCE_SECONDS = 30


@pytest.fixture
def small_disk(tmp_path):
    """A file system of its own with little room."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small file system")
    place = tmp_path / "disk"
    place.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "martlet-test", place], capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip(f"this machine mounts no tmpfs: {done.stderr.decode().strip()}")
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


@pytest.fixture
def full_broker(small_disk, start_broker):
    """A broker whose disk is full of the topic `filler`; a topic `events` has one record."""
    broker = start_broker(data=small_disk / "data", settings={"log.segment.bytes": 4 << 20})
    with wire.connect(broker) as connection:
        for name in ("filler", "events"):
            assert wire.create_topic(connection, name).error_code == Error.NONE
        assert wire.produce(connection, "events", batches.batch([(None, b"before")])).error_code == Error.NONE
        broker.filled = fill(connection)
    return broker


def fill(connection):
    """Produces until that is refused; returns how many batches were taken."""
    batch = batches.batch([(None, os.urandom(1 << 19))])
    for count in range(DISK // len(batch) + 1):
        result = wire.produce(connection, "filler", batch)
        if result.error_code != Error.NONE:
            assert result.error_code == Error.KAFKA_STORAGE_ERROR, result
            return count
    raise AssertionError(f"{DISK} bytes were taken on a disk of that size")


def health(broker):
    return json.loads(run_martlet("health", "-b", broker.bootstrap, "--json").stdout)


def wait_until_healthy(broker):
    for _ in range(PATIENCE_SECONDS * 10):
        if health(broker)["status"] == "healthy":
            return
        time.sleep(0.1)
    raise AssertionError(health(broker))


def make_room(broker):
    admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": broker.bootstrap})
    for future in admin.delete_topics(["filler"]).values():
        future.result(PATIENCE_SECONDS)


def test_only_producers_wait_and_they_are_told_why(full_broker, small_disk):
    broker = full_broker
    state = os.statvfs(small_disk)
    assert state.f_bavail * state.f_frsize > RESERVE // 4, "nothing is left for what makes room"
    with wire.connect(broker) as connection:
        refused = wire.produce(connection, "events", batches.batch([(None, b"x")]), version=9)
        assert refused.error_code == Error.KAFKA_STORAGE_ERROR
        assert "log.reserve.bytes" in refused.error_message
        for acks in (1, -1):
            assert wire.produce(connection, "events", batches.batch([(None, b"x")]), acks=acks).error_code == 56
        # The leader is where it was: nobody needs to look for another.
        assert wire.topic_metadata(connection, "events").partitions[0].error_code == Error.NONE
    report = health(broker)
    assert report["status"] == "failing"
    (problem,) = report["problems"]
    assert (problem["kind"], problem["subject"]) == ("disk-space-low", str(broker.data))
    assert "resumes by itself" in problem["remedy"]
    assert broker.log.count("is full") == 1
    received = Confluent.consume(broker.bootstrap, "filler", 1)
    assert len(received[0]) == broker.filled
    make_room(broker)
    wait_until_healthy(broker)
    assert broker.log.count("has room again") == 1
    with wire.connect(broker) as connection:
        assert wire.produce(connection, "events", batches.batch([(None, b"after")])).error_code == Error.NONE
    assert [one.value for one in Confluent.consume(broker.bootstrap, "events", 1)[0]] == [b"before", b"after"]


def confluent_send(bootstrap, values, _):
    failures = []
    producer = confluent_kafka.Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True})
    for value in values:
        producer.produce("events", value, on_delivery=lambda error, _: failures.append(error) if error else None)
    assert producer.flush(2 * PATIENCE_SECONDS) == 0
    assert not failures, failures


def kafka_python_send(bootstrap, values, _):
    producer = kafka.KafkaProducer(bootstrap_servers=bootstrap, acks="all", delivery_timeout_ms=2000 * PATIENCE_SECONDS)
    futures = [producer.send("events", value) for value in values]
    for future in futures:
        future.get(2 * PATIENCE_SECONDS)
    producer.close()


def aiokafka_send(bootstrap, values, _):
    async def run():
        producer = aiokafka.AIOKafkaProducer(
            bootstrap_servers=bootstrap, acks="all", request_timeout_ms=2000 * PATIENCE_SECONDS
        )
        await producer.start()
        try:
            futures = [await producer.send("events", value) for value in values]
            await asyncio.wait_for(asyncio.gather(*futures), 2 * PATIENCE_SECONDS)
        finally:
            await producer.stop()

    asyncio.run(run())


def martlet_send(bootstrap, values, _):
    done = run_martlet("produce", "events", "-b", bootstrap, stdin=b"".join(value + b"\n" for value in values))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("send", [confluent_send, kafka_python_send, aiokafka_send, martlet_send])
def test_real_producers_wait_and_go_on_by_themselves(full_broker, send):
    broker = full_broker
    values = [b"%d" % number for number in range(20)]
    errors = []

    def work():
        try:
            send(broker.bootstrap, values, errors)
        except Exception as error:  # whatever the client makes of it
            errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(2)
    assert thread.is_alive(), f"it did not wait: {errors}"
    make_room(broker)
    thread.join(2 * PATIENCE_SECONDS)
    assert not thread.is_alive() and not errors, errors
    received = [one.value for one in Confluent.consume(broker.bootstrap, "events", 1)[0]]
    assert received == [b"before", *values]


def test_filling_and_freeing_again_and_again_loses_nothing(full_broker):
    """Retention makes the room here; a crash in between finds all that was acknowledged."""
    broker = full_broker
    with wire.connect(broker) as connection:
        for number in range(3):
            done = run_martlet("retention", "apply", "filler", "-b", broker.bootstrap)
            assert done.returncode == 0, done.stderr
            assert wire.delete_topic(connection, "filler").error_code == Error.NONE
            wait_until_healthy(broker)
            result = wire.produce(connection, "events", batches.batch([(None, b"%d" % number)]))
            assert (result.error_code, result.base_offset) == (Error.NONE, number + 1)
            assert wire.create_topic(connection, "filler").error_code == Error.NONE
            assert fill(connection) > 0
    broker.kill9()
    broker.start()
    received = [one.value for one in Confluent.consume(broker.bootstrap, "events", 1)[0]]
    assert received == [b"before", b"0", b"1", b"2"]
