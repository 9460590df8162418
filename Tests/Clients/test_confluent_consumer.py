"""confluent-kafka's consumer by assignment: positions, times, marks, ends."""

import contextlib
import threading

import confluent_kafka
import pytest
from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, KafkaError, TopicPartition

from harness import batches, wire

SECONDS = 20


@contextlib.contextmanager
def consumer_of(broker, **settings):
    settings = {
        "bootstrap.servers": broker.bootstrap,
        "group.id": "unused",
        "enable.auto.commit": False,
        "enable.partition.eof": True,
        "auto.offset.reset": "error",
    } | settings
    consumer = confluent_kafka.Consumer(settings)
    try:
        yield consumer
    finally:
        consumer.close()


@pytest.fixture
def filled(broker, make_topic):
    """A topic of one partition with 100 records in 10 batches, a second apart."""
    topic = make_topic()
    start = batches.now() - 200_000
    with wire.connect(broker) as connection:
        for first in range(0, 100, 10):
            records = b"".join(
                batches.record(index, b"k", b"%d" % (first + index), timestamp_delta=index * 1000)
                for index in range(10)
            )
            payload = batches.batch(
                [None] * 10,
                payload=records,
                timestamp=start + first * 1000,
                max_timestamp=start + (first + 9) * 1000,
            )
            assert wire.produce(connection, topic, payload).base_offset == first
    return topic, start


def read_to_end(consumer):
    values = []
    while True:
        message = consumer.poll(SECONDS)
        assert message is not None, f"no message and no end within {SECONDS} s"
        if message.error() is None:
            values.append((message.offset(), int(message.value())))
        else:
            assert message.error().code() == KafkaError._PARTITION_EOF, message.error()
            return values


@pytest.mark.parametrize("offset", [0, 1, 9, 10, 55, 99])
def test_starts_at_the_offset_also_inside_a_batch(broker, filled, offset):
    topic, _ = filled
    with consumer_of(broker) as consumer:
        consumer.assign([TopicPartition(topic, 0, offset)])
        assert read_to_end(consumer) == [(number, number) for number in range(offset, 100)]


def test_end_of_partition_is_told_once_until_more_arrives(broker, filled):
    topic, _ = filled
    with consumer_of(broker) as consumer:
        consumer.assign([TopicPartition(topic, 0, OFFSET_END)])
        assert read_to_end(consumer) == []
        with wire.connect(broker) as connection:
            wire.produce(connection, topic, batches.batch([(None, b"100")]))
        assert read_to_end(consumer) == [(100, 100)]


def test_seek_back_and_forth(broker, filled):
    topic, _ = filled
    with consumer_of(broker) as consumer:
        consumer.assign([TopicPartition(topic, 0, OFFSET_BEGINNING)])
        assert len(read_to_end(consumer)) == 100
        for offset in (95, 3, 42):
            consumer.seek(TopicPartition(topic, 0, offset))
            assert read_to_end(consumer)[0] == (offset, offset)


def test_watermarks_and_offsets_for_times(broker, filled):
    topic, start = filled
    with consumer_of(broker) as consumer:
        assert consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=SECONDS) == (0, 100)

        def offset_at(timestamp):
            (found,) = consumer.offsets_for_times([TopicPartition(topic, 0, timestamp)], timeout=SECONDS)
            return found.offset

        assert offset_at(start - 1) == 0
        assert offset_at(start) == 0
        assert offset_at(start + 1) == 1
        assert offset_at(start + 55_000) == 55
        assert offset_at(start + 54_999) == 55
        assert offset_at(start + 99_000) == 99
        assert offset_at(start + 99_001) == OFFSET_END


def test_an_offset_out_of_range_is_an_error_or_resets_as_asked(broker, filled):
    topic, _ = filled
    with consumer_of(broker) as consumer:
        consumer.assign([TopicPartition(topic, 0, 1000)])
        message = consumer.poll(SECONDS)
        assert message.error().code() in (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE)
    with consumer_of(broker, **{"auto.offset.reset": "earliest"}) as consumer:
        consumer.assign([TopicPartition(topic, 0, 1000)])
        assert len(read_to_end(consumer)) == 100


@pytest.mark.parametrize(
    "limits", [{"fetch.message.max.bytes": 100}, {"fetch.max.bytes": 1000, "message.max.bytes": 1000}]
)
def test_small_fetch_limits_still_make_progress(broker, filled, limits):
    topic, _ = filled
    with consumer_of(broker, **limits) as consumer:
        consumer.assign([TopicPartition(topic, 0, 0)])
        assert read_to_end(consumer) == [(number, number) for number in range(100)]


def test_pause_and_resume(broker, filled):
    topic, _ = filled
    assigned = TopicPartition(topic, 0, 0)
    with consumer_of(broker) as consumer:
        consumer.assign([assigned])
        assert int(consumer.poll(SECONDS).value()) == 0
        consumer.pause([assigned])
        assert consumer.poll(0.3) is None
        consumer.resume([assigned])
        assert read_to_end(consumer) == [(number, number) for number in range(1, 100)]


def test_a_waiting_consumer_gets_what_arrives(broker, make_topic):
    topic = make_topic(4)
    with consumer_of(broker, **{"fetch.wait.max.ms": 10000, "enable.partition.eof": False}) as consumer:
        consumer.assign([TopicPartition(topic, number, 0) for number in range(4)])
        assert consumer.poll(0.5) is None  # it is parked at the broker now
        producer = confluent_kafka.Producer({"bootstrap.servers": broker.bootstrap, "linger.ms": 0})
        arrived = threading.Event()
        for number in range(4):
            producer.produce(topic, f"{number}", partition=number)
        producer.flush(SECONDS)
        arrived.set()
        found = sorted(int(consumer.poll(SECONDS).value()) for _ in range(4))
        assert found == [0, 1, 2, 3]


def test_a_consumer_survives_the_topic_being_made_again(broker, filled):
    topic, _ = filled
    with wire.connect(broker) as connection:
        assert wire.delete_topic(connection, topic).error_code == 0
        assert wire.create_topic(connection, topic).error_code == 0
        assert wire.produce(connection, topic, batches.batch([(None, b"0")])).base_offset == 0
    with consumer_of(broker, **{"auto.offset.reset": "earliest"}) as consumer:
        consumer.assign([TopicPartition(topic, 0, OFFSET_BEGINNING)])
        assert read_to_end(consumer) == [(0, 0)]
