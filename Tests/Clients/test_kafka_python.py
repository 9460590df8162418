"""kafka-python 3: its own protocol stack, idempotent by default, newest versions of most requests."""

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, NewPartitions, NewTopic
from kafka.errors import KafkaError

from harness import batches, clients, messages, wire
from harness.clients import KafkaPython

SECONDS = 20


@pytest.fixture(scope="module")
def admin(broker):
    opened = KafkaAdminClient(bootstrap_servers=broker.bootstrap)
    yield opened
    opened.close()


@pytest.mark.parametrize("acks", [0, 1, "all"])
def test_every_acks(broker, make_topic, rng, acks):
    topic = make_topic(2)
    sent = messages.some(rng, 2, 200, headers=KafkaPython.headers)
    KafkaPython.produce(broker.bootstrap, topic, sent, acks=acks, enable_idempotence=acks == "all")
    wire.wait_for_end(broker, topic, clients.ends(sent))
    clients.assert_same(sent, KafkaPython.consume(broker.bootstrap, topic, 2))


def test_the_answer_names_partition_offset_and_time(broker, topic):
    producer = KafkaProducer(bootstrap_servers=broker.bootstrap)
    for expected in range(3):
        told = producer.send(topic, b"v", timestamp_ms=1_700_000_000_000 + expected).get(SECONDS)
        assert (told.partition, told.offset, told.timestamp) == (0, expected, 1_700_000_000_000 + expected)
    producer.close()


def test_keys_choose_the_same_partition_as_librdkafkas_murmur2(broker, make_topic, rng):
    topic = make_topic(5)
    keyed = [rng.randbytes(size) for size in range(1, 60)]
    producer = KafkaProducer(bootstrap_servers=broker.bootstrap)
    chosen = [producer.send(topic, b"v", key).get(SECONDS).partition for key in keyed]
    producer.close()
    import confluent_kafka

    found = []
    other = confluent_kafka.Producer({"bootstrap.servers": broker.bootstrap, "partitioner": "murmur2"})
    for key in keyed:
        other.produce(
            topic, b"v", key, on_delivery=lambda error, message: found.append((message.key(), message.partition()))
        )
    assert other.flush(SECONDS) == 0
    assert dict(found) == dict(zip(keyed, chosen, strict=True))


def test_offsets_for_times_and_ends(broker, topic):
    start = batches.now() - 60_000
    with wire.connect(broker) as connection:
        for number in range(10):
            wire.produce(connection, topic, batches.batch([(None, b"v")], timestamp=start + number * 1000))
    one = TopicPartition(topic, 0)
    consumer = KafkaConsumer(bootstrap_servers=broker.bootstrap, group_id=None)
    assert consumer.beginning_offsets([one]) == {one: 0}
    assert consumer.end_offsets([one]) == {one: 10}
    found = consumer.offsets_for_times({one: start + 3500})[one]
    assert (found.offset, found.timestamp) == (4, start + 4000)
    assert consumer.offsets_for_times({one: start + 60_000})[one] is None
    assert consumer.partitions_for_topic(topic) == {0}
    consumer.close()


@pytest.mark.parametrize("sessions", [True, False])
def test_consumes_with_and_without_incremental_fetch_sessions(broker, make_topic, rng, sessions):
    topic = make_topic(8)
    sent = messages.some(rng, 8, 400)
    clients.Confluent.produce(broker.bootstrap, topic, sent, "zstd")
    received = KafkaPython.consume(
        broker.bootstrap,
        topic,
        8,
        enable_incremental_fetch_sessions=sessions,
        max_partition_fetch_bytes=8192,
        fetch_max_bytes=20_000,
    )
    clients.assert_same(sent, received)


def test_seek_inside_a_batch(broker, topic):
    with wire.connect(broker) as connection:
        wire.produce(connection, topic, batches.batch([(None, b"%d" % number) for number in range(50)]))
    one = TopicPartition(topic, 0)
    consumer = KafkaConsumer(bootstrap_servers=broker.bootstrap, group_id=None, consumer_timeout_ms=5000)
    consumer.assign([one])
    for offset in (33, 49, 0):
        consumer.seek(one, offset)
        assert next(consumer).offset == offset
    consumer.close()


def test_admin_creates_describes_and_deletes(admin, topic_name):
    admin.create_topics([NewTopic(topic_name, 2, 1)])
    assert topic_name in admin.list_topics()
    (described,) = admin.describe_topics([topic_name])
    assert len(described["partitions"]) == 2
    admin.create_partitions({topic_name: NewPartitions(4)})
    (described,) = admin.describe_topics([topic_name])
    assert len(described["partitions"]) == 4
    with pytest.raises(KafkaError):
        admin.create_topics([NewTopic(topic_name, 2, 1)])
    admin.delete_topics([topic_name])
    assert topic_name not in admin.list_topics()


def test_admin_alters_configs(admin, make_topic):
    topic = make_topic()

    def described(name):
        found = admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)], config_filter="all")
        (by_name,) = [configs for kind in found.values() for configs in kind.values()]
        entry = by_name[name]
        return entry["value"] if isinstance(entry, dict) else entry

    assert described("retention.ms") == "604800000"
    admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, configs={"retention.ms": "86400000"})])
    assert described("retention.ms") == "86400000"
    admin.reset_configs([ConfigResource(ConfigResourceType.TOPIC, topic, configs={"retention.ms": None})])
    assert described("retention.ms") == "604800000"


def test_admin_deletes_records(admin, broker, topic):
    clients.Confluent.produce(broker.bootstrap, topic, [clients.Message(0, b"k", b"v")] * 10)
    one = TopicPartition(topic, 0)
    deleted = admin.delete_records({one: 6})
    assert deleted[one]["low_watermark"] == 6
    consumer = KafkaConsumer(bootstrap_servers=broker.bootstrap, group_id=None)
    assert consumer.beginning_offsets([one]) == {one: 6}
    consumer.close()


def test_admin_describes_the_cluster(admin, broker):
    described = admin.describe_cluster()
    (node,) = described["brokers"]
    assert (node["host"], node["port"]) == broker.address
    assert described["cluster_id"]
