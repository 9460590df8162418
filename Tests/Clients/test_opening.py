"""A start with partitions that take long, or that kill it: the others are served."""

import threading

from harness import batches, clients, messages, wire
from harness.broker import run_martlet
from harness.clients import Confluent
from harness.errors import Error

PARTITIONS = 200


def test_clients_that_do_not_wait_for_the_start_find_everything(start_broker, topic_name, rng):
    """Clients that come while partitions are still being opened are told to come again, and do."""
    broker = start_broker()
    sent = messages.some(rng, PARTITIONS, 2000)
    with wire.connect(broker) as connection:
        assert wire.create_topic(connection, topic_name, PARTITIONS).error_code == Error.NONE
    Confluent.produce(broker.bootstrap, topic_name, sent, "none")
    for end in (broker.kill9, broker.stop):
        end()
        starting = threading.Thread(target=broker.start)
        starting.start()
        try:
            clients.assert_same(sent, Confluent.consume(broker.bootstrap, topic_name, PARTITIONS))
        finally:
            starting.join()
    assert f"all {PARTITIONS} partitions are open" in broker.log


def test_a_partition_that_kills_three_starts_is_left_alone(start_broker, topic_name):
    broker = start_broker()
    with wire.connect(broker) as connection:
        assert wire.create_topic(connection, topic_name, 3).error_code == Error.NONE
        for partition in range(3):
            produced = wire.produce(connection, topic_name, batches.batch([(None, b"v")]), partition=partition)
            assert produced.error_code == Error.NONE
    for deaths in range(3):
        broker.kill9()
        # What a start leaves that dies while it is opening the partition, and those before it.
        (broker.data / ".opening").write_text(f"{topic_name}-1\n", encoding="ascii")
        if deaths:
            (broker.data / "opening-failures").write_text(f"0\n1\n{topic_name} 1 {deaths}\n", encoding="ascii")
        broker.start()
    broker.wait_for_log("are offline")
    with wire.connect(broker) as connection:
        for partition, expected in ((0, Error.NONE), (1, Error.KAFKA_STORAGE_ERROR), (2, Error.NONE)):
            fetched, _ = wire.fetch(connection, topic_name, 0, partition=partition)
            assert fetched.error_code == expected
    health = run_martlet("health", "-b", broker.bootstrap).stdout.decode()
    assert f"{topic_name}-1" in health and "opening-failures" in health
    broker.stop()
    (broker.data / "opening-failures").unlink()
    broker.start()
    with wire.connect(broker) as connection:
        fetched, _ = wire.fetch(connection, topic_name, 0, partition=1)
        assert fetched.error_code == Error.NONE and fetched.high_watermark == 1
