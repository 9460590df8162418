"""confluent-kafka's producer in the ways it is configured in practice."""

import time

import confluent_kafka
import pytest
from confluent_kafka import KafkaError, KafkaException

from harness import clients, messages, wire
from harness.clients import Confluent, Message


def reports(producer, send, count):
    """Calls send(index, on_delivery) and returns what the delivery reports say, in order of index."""
    found = {}

    def on_delivery(index):
        def delivered(error, message):
            found[index] = error or message

        return delivered

    for index in range(count):
        send(index, on_delivery(index))
    assert producer.flush(30) == 0
    return [found[index] for index in range(count)]


@pytest.mark.parametrize("acks", ["0", "1", "all"])
@pytest.mark.parametrize("codec", clients.CODECS)
def test_every_acks_and_codec(broker, make_topic, rng, acks, codec):
    topic = make_topic(2)
    sent = messages.some(rng, 2, 200)
    settings = {"acks": acks, "enable.idempotence": False, "batch.size": 4096}
    Confluent.produce(broker.bootstrap, topic, sent, codec, **settings)
    # Without acknowledgements the client is done before the broker is.
    wire.wait_for_end(broker, topic, clients.ends(sent))
    clients.assert_same(sent, Confluent.consume(broker.bootstrap, topic, 2))


@pytest.mark.parametrize("codec", clients.CODECS)
def test_idempotent_with_five_batches_in_flight(broker, topic, rng, codec):
    sent = messages.some(rng, 1, 2000)
    settings = {"batch.num.messages": 10, "max.in.flight": 5, "linger.ms": 0}
    Confluent.produce(broker.bootstrap, topic, sent, codec, **settings)
    clients.assert_same(sent, Confluent.consume(broker.bootstrap, topic, 1))


def test_delivery_reports_carry_dense_offsets_and_the_time_given(broker, topic):
    producer = confluent_kafka.Producer({"bootstrap.servers": broker.bootstrap})
    base = int(time.time() * 1000) - 5000

    def send(index, delivered):
        producer.produce(topic, f"{index}", partition=0, timestamp=base + index, on_delivery=delivered)

    found = reports(producer, send, 100)
    assert [message.offset() for message in found] == list(range(100))
    received = Confluent.consume(broker.bootstrap, topic, 1)[0]
    assert [message.timestamp for message in received] == [base + index for index in range(100)]


def test_log_append_time_is_the_brokers(broker, make_topic):
    topic = make_topic(message_timestamp_type="LogAppendTime")
    producer = confluent_kafka.Producer({"bootstrap.servers": broker.bootstrap})
    before = int(time.time() * 1000)
    (report,) = reports(
        producer, lambda _, delivered: producer.produce(topic, b"v", timestamp=1000, on_delivery=delivered), 1
    )
    after = int(time.time() * 1000)
    kind, timestamp = report.timestamp()
    assert kind == confluent_kafka.TIMESTAMP_LOG_APPEND_TIME
    assert before <= timestamp <= after
    (message,) = Confluent.consume(broker.bootstrap, topic, 1)[0]
    assert message.timestamp == timestamp


@pytest.mark.parametrize("size", [900_000, 5_000_000])
def test_big_messages(broker, make_topic, rng, size):
    topic = make_topic(max_message_bytes=10_000_000)
    sent = [Message(0, b"big", rng.randbytes(size)) for _ in range(5)]
    Confluent.produce(broker.bootstrap, topic, sent, **{"message.max.bytes": 8_000_000})
    for reader in (Confluent, clients.Kcat, clients.KafkaPython, clients.Aiokafka):
        clients.assert_same(sent, reader.consume(broker.bootstrap, topic, 1))


def test_a_message_over_the_topics_limit_is_refused_and_the_rest_goes_on(broker, make_topic):
    topic = make_topic(max_message_bytes=10_000)
    producer = confluent_kafka.Producer({"bootstrap.servers": broker.bootstrap, "linger.ms": 0})
    sizes = [100, 20_000, 200]
    found = []
    for size in sizes:
        found += reports(
            producer, lambda _, delivered, n=size: producer.produce(topic, b"x" * n, on_delivery=delivered), 1
        )
    assert found[1].code() == KafkaError.MSG_SIZE_TOO_LARGE
    assert [found[0].offset(), found[2].offset()] == [0, 1]


def test_many_partitions_in_one_producer(broker, make_topic, rng):
    topic = make_topic(100)
    sent = messages.some(rng, 100, 5000)
    Confluent.produce(broker.bootstrap, topic, sent, "lz4")
    clients.assert_same(sent, Confluent.consume(broker.bootstrap, topic, 100))


def test_murmur2_partitioner_agrees_with_kafka_python(broker, make_topic):
    from kafka.partitioner.default import murmur2

    topic = make_topic(7)
    producer = confluent_kafka.Producer({"bootstrap.servers": broker.bootstrap, "partitioner": "murmur2_random"})
    keys = [f"key-{index}".encode() for index in range(200)]
    found = reports(
        producer, lambda index, delivered: producer.produce(topic, b"v", keys[index], on_delivery=delivered), len(keys)
    )
    assert [message.partition() for message in found] == [(murmur2(key) & 0x7FFFFFFF) % 7 for key in keys]


def test_an_unknown_partition_is_the_producers_error(broker, topic):
    producer = confluent_kafka.Producer({"bootstrap.servers": broker.bootstrap, "message.timeout.ms": 3000})
    with pytest.raises(KafkaException):
        (found,) = reports(
            producer, lambda _, delivered: producer.produce(topic, b"v", partition=5, on_delivery=delivered), 1
        )
        raise KafkaException(found)


def test_a_second_producer_does_not_disturb_the_first(broker, topic, rng):
    first = confluent_kafka.Producer({"bootstrap.servers": broker.bootstrap, "enable.idempotence": True})
    second = confluent_kafka.Producer({"bootstrap.servers": broker.bootstrap, "enable.idempotence": True})
    for index in range(50):
        for producer, name in ((first, "first"), (second, "second")):
            producer.produce(topic, f"{name} {index}")
        if index % 10 == 0:
            first.flush()
            second.flush()
    assert first.flush(20) == 0 and second.flush(20) == 0
    values = [message.value.decode() for message in Confluent.consume(broker.bootstrap, topic, 1)[0]]
    for name in ("first", "second"):
        assert [value for value in values if value.startswith(name)] == [f"{name} {index}" for index in range(50)]
