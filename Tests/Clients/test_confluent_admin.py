"""confluent-kafka's AdminClient: topics, partitions, configs, offsets, records."""

import pytest
from confluent_kafka import IsolationLevel, KafkaError, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ConfigSource,
    NewPartitions,
    NewTopic,
    OffsetSpec,
    ResourceType,
)

from harness import batches, wire

SECONDS = 20


@pytest.fixture(scope="module")
def admin(broker):
    return AdminClient({"bootstrap.servers": broker.bootstrap})


def outcome(futures):
    """The result of the one future there is."""
    (future,) = futures.values()
    return future.result(SECONDS)


def error_of(futures):
    with pytest.raises(KafkaException) as raised:
        outcome(futures)
    return raised.value.args[0]


def configs_of(admin, topic):
    return outcome(admin.describe_configs([ConfigResource(ResourceType.TOPIC, topic)]))


def test_create_list_and_delete(admin, topic_name):
    outcome(admin.create_topics([NewTopic(topic_name, 3, 1, config={"retention.ms": "1000"})]))
    listed = admin.list_topics(timeout=SECONDS).topics[topic_name]
    assert sorted(listed.partitions) == [0, 1, 2]
    assert error_of(admin.create_topics([NewTopic(topic_name, 3, 1)])).code() == KafkaError.TOPIC_ALREADY_EXISTS
    outcome(admin.delete_topics([topic_name]))
    assert topic_name not in admin.list_topics(timeout=SECONDS).topics
    assert error_of(admin.delete_topics([topic_name])).code() == KafkaError.UNKNOWN_TOPIC_OR_PART


def test_validate_only_creates_nothing(admin, topic_name):
    outcome(admin.create_topics([NewTopic(topic_name, 3, 1)], validate_only=True))
    assert topic_name not in admin.list_topics(timeout=SECONDS).topics
    bad = admin.create_topics([NewTopic(topic_name, 3, 1, config={"retention.ms": "x"})], validate_only=True)
    assert error_of(bad).code() == KafkaError.INVALID_CONFIG


@pytest.mark.parametrize(
    ("partitions", "replication", "config", "code"),
    [
        (0, 1, {}, KafkaError.INVALID_PARTITIONS),
        (1, 3, {}, KafkaError.INVALID_REPLICATION_FACTOR),
        (1, 1, {"no.such.key": "1"}, KafkaError.INVALID_CONFIG),
        (1, 1, {"cleanup.policy": "shred"}, KafkaError.INVALID_CONFIG),
        (1, 1, {"segment.bytes": "-1"}, KafkaError.INVALID_CONFIG),
        (1, 1, {"max.compaction.lag.ms": "0"}, KafkaError.INVALID_CONFIG),
    ],
)
def test_a_topic_that_cannot_be_is_refused(admin, topic_name, partitions, replication, config, code):
    futures = admin.create_topics([NewTopic(topic_name, partitions, replication, config=config)])
    error = error_of(futures)
    assert error.code() == code, error
    assert error.str(), "an error says what is wrong"
    assert topic_name not in admin.list_topics(timeout=SECONDS).topics


def test_defaults_decide_where_the_client_leaves_it_open(admin, topic_name):
    outcome(admin.create_topics([NewTopic(topic_name, -1, -1)]))
    assert len(admin.list_topics(timeout=SECONDS).topics[topic_name].partitions) == 1


def test_more_partitions(admin, broker, make_topic):
    topic = make_topic(2)
    outcome(admin.create_partitions([NewPartitions(topic, 5)]))
    assert len(admin.list_topics(timeout=SECONDS).topics[topic].partitions) == 5
    with wire.connect(broker) as connection:
        assert wire.produce(connection, topic, batches.batch([(None, b"v")]), partition=4).error_code == 0
    assert error_of(admin.create_partitions([NewPartitions(topic, 5)])).code() == KafkaError.INVALID_PARTITIONS
    assert error_of(admin.create_partitions([NewPartitions(topic, 3)])).code() == KafkaError.INVALID_PARTITIONS
    missing = admin.create_partitions([NewPartitions(topic + "-missing", 3)])
    assert error_of(missing).code() == KafkaError.UNKNOWN_TOPIC_OR_PART


def test_describe_configs_has_default_and_source(admin, make_topic):
    found = configs_of(admin, make_topic(retention_ms=12345))
    assert found["retention.ms"].value == "12345"
    assert found["retention.ms"].source == ConfigSource.DYNAMIC_TOPIC_CONFIG.value
    assert found["segment.bytes"].value == "1073741824"
    assert found["segment.bytes"].source == ConfigSource.DEFAULT_CONFIG.value
    assert found["cleanup.policy"].value == "delete"


def test_incremental_alter_configs(admin, make_topic):
    topic = make_topic(retention_ms=12345)

    def alter(name, value, operation):
        entry = ConfigEntry(name, value, incremental_operation=operation)
        resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
        return admin.incremental_alter_configs([resource])

    outcome(alter("max.message.bytes", "2000", AlterConfigOpType.SET))
    outcome(alter("cleanup.policy", "compact", AlterConfigOpType.APPEND))
    found = configs_of(admin, topic)
    assert found["max.message.bytes"].value == "2000"
    assert sorted(found["cleanup.policy"].value.split(",")) == ["compact", "delete"]
    assert found["retention.ms"].value == "12345"
    outcome(alter("cleanup.policy", "delete", AlterConfigOpType.SUBTRACT))
    outcome(alter("max.message.bytes", None, AlterConfigOpType.DELETE))
    found = configs_of(admin, topic)
    assert found["cleanup.policy"].value == "compact"
    assert found["max.message.bytes"].value == "1048588"
    assert error_of(alter("retention.ms", "soon", AlterConfigOpType.SET)).code() == KafkaError.INVALID_CONFIG
    assert error_of(alter("retention.sm", "1", AlterConfigOpType.SET)).code() == KafkaError.INVALID_CONFIG
    assert configs_of(admin, topic)["retention.ms"].value == "12345"


def test_describe_the_brokers_configs(admin):
    (broker_id,) = admin.list_topics(timeout=SECONDS).brokers
    found = outcome(admin.describe_configs([ConfigResource(ResourceType.BROKER, str(broker_id))]))
    assert found["message.max.bytes"].value == "1048588"
    assert found["auto.create.topics.enable"].value == "true"
    assert found["log.segment.bytes"].source == ConfigSource.DEFAULT_CONFIG.value


def test_configs_of_an_unknown_topic(admin, topic_name):
    futures = admin.describe_configs([ConfigResource(ResourceType.TOPIC, topic_name)])
    assert error_of(futures).code() == KafkaError.UNKNOWN_TOPIC_OR_PART


def test_describe_cluster_and_topics(admin, broker, make_topic):
    cluster = admin.describe_cluster().result(SECONDS)
    (node,) = cluster.nodes
    assert (node.host, node.port) == broker.address
    assert cluster.cluster_id
    assert cluster.controller.id == node.id
    topic = make_topic(3)
    described = outcome(admin.describe_topics(TopicCollection([topic])))
    assert [one.id for one in described.partitions] == [0, 1, 2]
    assert {one.leader.id for one in described.partitions} == {node.id}


def test_list_offsets(admin, broker, topic):
    start = batches.now() - 10_000
    with wire.connect(broker) as connection:
        for delta in (0, 5000, 1000):
            assert (
                wire.produce(connection, topic, batches.batch([(None, b"v")], timestamp=start + delta)).error_code == 0
            )

    def offset(spec):
        return outcome(
            admin.list_offsets({TopicPartition(topic, 0): spec}, isolation_level=IsolationLevel.READ_COMMITTED)
        ).offset

    assert offset(OffsetSpec.earliest()) == 0
    assert offset(OffsetSpec.latest()) == 3
    assert offset(OffsetSpec.max_timestamp()) == 1
    assert offset(OffsetSpec.for_timestamp(start + 1)) == 1
    assert offset(OffsetSpec.for_timestamp(start + 9000)) == -1


def test_delete_records(admin, broker, topic):
    with wire.connect(broker) as connection:
        for _ in range(10):
            wire.produce(connection, topic, batches.batch([(None, b"v")]))
    assert outcome(admin.delete_records([TopicPartition(topic, 0, 4)])).low_watermark == 4
    with wire.connect(broker) as connection:
        assert wire.list_offset(connection, topic, -2).offset == 4
        assert wire.fetch(connection, topic, 3)[0].error_code == 1
        _, found = wire.fetch(connection, topic, 4)
        assert found[0].base_offset == 4
    assert error_of(admin.delete_records([TopicPartition(topic, 0, 11)])).code() == KafkaError.OFFSET_OUT_OF_RANGE
    assert outcome(admin.delete_records([TopicPartition(topic, 0, -1)])).low_watermark == 10
