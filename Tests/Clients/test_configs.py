"""Configurations over the wire: every key with its default and source, and what is refused."""

import pytest
from kafka.protocol.admin import DescribeConfigsRequest, IncrementalAlterConfigsRequest

from harness import wire
from harness.errors import Error

TOPIC, BROKER = 2, 4
DEFAULT, TOPIC_OVERRIDE, STATIC = 5, 1, 4
SET, DELETE, APPEND, SUBTRACT = range(4)
# Kafka's names and defaults of all topic configs, as of 4.3.
TOPIC_DEFAULTS = {
    "cleanup.policy": "delete",
    "compression.gzip.level": "-1",
    "compression.lz4.level": "9",
    "compression.type": "producer",
    "compression.zstd.level": "3",
    "delete.retention.ms": "86400000",
    "file.delete.delay.ms": "60000",
    "flush.messages": "9223372036854775807",
    "flush.ms": "9223372036854775807",
    "index.interval.bytes": "4096",
    "max.compaction.lag.ms": "9223372036854775807",
    "max.message.bytes": "1048588",
    "message.timestamp.after.max.ms": "3600000",
    "message.timestamp.before.max.ms": "9223372036854775807",
    "message.timestamp.type": "CreateTime",
    "min.cleanable.dirty.ratio": "0.5",
    "min.compaction.lag.ms": "0",
    "min.insync.replicas": "1",
    "preallocate": "false",
    "retention.bytes": "-1",
    "retention.ms": "604800000",
    "segment.bytes": "1073741824",
    "segment.index.bytes": "10485760",
    "segment.jitter.ms": "0",
    "segment.ms": "604800000",
    "unclean.leader.election.enable": "false",
}


def describe(connection, kind, name, keys=None, version=4, synonyms=False, documentation=False):
    Resource = DescribeConfigsRequest.DescribeConfigsResource
    resource = Resource(resource_type=kind, resource_name=name, configuration_keys=keys, version=version)
    request = DescribeConfigsRequest(
        version=version, resources=[resource], include_synonyms=synonyms, include_documentation=documentation
    )
    (result,) = connection.call(request).results
    return result


def by_name(result):
    assert result.error_code == Error.NONE, result.error_message
    return {one.name: one for one in result.configs}


def alter(connection, kind, name, changes, version=1, validate_only=False):
    Resource = IncrementalAlterConfigsRequest.AlterConfigsResource
    configs = [
        Resource.AlterableConfig(name=key, config_operation=operation, value=value, version=version)
        for key, operation, value in changes
    ]
    resource = Resource(resource_type=kind, resource_name=name, configs=configs, version=version)
    request = IncrementalAlterConfigsRequest(version=version, resources=[resource], validate_only=validate_only)
    (answer,) = connection.call(request).responses
    return answer


@pytest.fixture
def broker_name(connection):
    (node,) = connection.call(wire.metadata([])).brokers
    return str(node.node_id)


@pytest.mark.parametrize("version", range(1, 5))
def test_a_topic_shows_every_key_with_default_and_source(connection, topic, version):
    found = by_name(describe(connection, TOPIC, topic, version=version))
    assert {name: found[name].value for name in TOPIC_DEFAULTS if name in found} == TOPIC_DEFAULTS
    assert {one.config_source for one in found.values()} == {DEFAULT}
    assert not any(one.read_only or one.is_sensitive for one in found.values())
    if version >= 3:
        assert all(one.config_type in range(1, 10) for one in found.values())


def test_an_override_is_shown_as_the_topics_with_its_synonyms(connection, make_topic):
    topic = make_topic(max_message_bytes=4321)
    found = by_name(describe(connection, TOPIC, topic, synonyms=True, documentation=True))["max.message.bytes"]
    assert (found.value, found.config_source) == ("4321", TOPIC_OVERRIDE)
    assert [(one.name, one.value, one.source) for one in found.synonyms] == [
        ("max.message.bytes", "4321", TOPIC_OVERRIDE),
        ("message.max.bytes", "1048588", DEFAULT),
    ]
    assert found.documentation


def test_only_the_keys_asked_for(connection, topic):
    found = by_name(describe(connection, TOPIC, topic, keys=["retention.ms", "segment.bytes", "no.such.key"]))
    assert sorted(found) == ["retention.ms", "segment.bytes"]


def test_the_broker_shows_its_configs(connection, broker_name):
    found = by_name(describe(connection, BROKER, broker_name, synonyms=True))
    assert len(found) > 50
    assert found["message.max.bytes"].value == "1048588"
    assert found["num.partitions"].value == "1"
    assert found["log.dirs"].config_source in (STATIC, DEFAULT)
    assert {one.config_source for one in found.values()} <= {2, 3, STATIC, DEFAULT}


def test_unknown_resources(connection, topic_name):
    assert describe(connection, TOPIC, topic_name).error_code == Error.UNKNOWN_TOPIC_OR_PARTITION
    assert describe(connection, BROKER, "4711").error_code == Error.INVALID_REQUEST
    assert describe(connection, BROKER, "not a number").error_code == Error.INVALID_REQUEST
    assert describe(connection, 99, "x").error_code == Error.INVALID_REQUEST
    assert describe(connection, TOPIC, "a/b").error_code in (
        Error.INVALID_TOPIC_EXCEPTION,
        Error.UNKNOWN_TOPIC_OR_PARTITION,
    )


@pytest.mark.parametrize("version", [0, 1])
def test_set_and_delete(connection, topic, version):
    answer = alter(connection, TOPIC, topic, [("retention.ms", SET, "1000"), ("segment.ms", SET, "2000")], version)
    assert answer.error_code == Error.NONE
    found = by_name(describe(connection, TOPIC, topic))
    assert (found["retention.ms"].value, found["segment.ms"].value) == ("1000", "2000")
    assert alter(connection, TOPIC, topic, [("retention.ms", DELETE, None)], version).error_code == Error.NONE
    found = by_name(describe(connection, TOPIC, topic))
    assert (found["retention.ms"].value, found["retention.ms"].config_source) == ("604800000", DEFAULT)
    assert found["segment.ms"].value == "2000"


def test_validate_only_changes_nothing(connection, topic):
    assert alter(connection, TOPIC, topic, [("retention.ms", SET, "1000")], validate_only=True).error_code == 0
    assert by_name(describe(connection, TOPIC, topic))["retention.ms"].value == "604800000"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ([("retention.sm", SET, "1")], Error.INVALID_CONFIG),
        ([("retention.ms", SET, "soon")], Error.INVALID_CONFIG),
        ([("retention.ms", SET, "-2")], Error.INVALID_CONFIG),
        ([("retention.ms", SET, "99999999999999999999")], Error.INVALID_CONFIG),
        ([("segment.bytes", SET, "1048575")], Error.INVALID_CONFIG),
        ([("max.compaction.lag.ms", SET, "0")], Error.INVALID_CONFIG),
        ([("cleanup.policy", SET, "shred")], Error.INVALID_CONFIG),
        ([("compression.type", SET, "brotli")], Error.INVALID_CONFIG),
        ([("min.cleanable.dirty.ratio", SET, "1.5")], Error.INVALID_CONFIG),
        ([("preallocate", SET, "maybe")], Error.INVALID_CONFIG),
        ([("message.timestamp.type", SET, "Never")], Error.INVALID_CONFIG),
        ([("retention.ms", SET, None)], Error.INVALID_REQUEST),
        ([("retention.ms", APPEND, "5")], Error.INVALID_CONFIG),
        ([("retention.ms", 9, "5")], Error.INVALID_REQUEST),
        ([("retention.ms", SET, "1"), ("retention.ms", SET, "2")], Error.INVALID_REQUEST),
        ([("segment.ms", SET, "5000"), ("retention.ms", SET, "soon")], Error.INVALID_CONFIG),
    ],
)
def test_what_cannot_be_is_refused_as_a_whole_with_a_reason(connection, topic, changes, code):
    answer = alter(connection, TOPIC, topic, changes)
    assert answer.error_code == code, answer.error_message
    assert answer.error_message
    found = by_name(describe(connection, TOPIC, topic))
    assert {one.config_source for one in found.values()} == {DEFAULT}


def test_an_unknown_key_is_answered_with_the_nearest_one(connection, topic):
    answer = alter(connection, TOPIC, topic, [("retention.sm", SET, "1")])
    assert "retention.ms" in answer.error_message


def test_an_empty_cleanup_policy_keeps_for_ever(connection, topic):
    assert alter(connection, TOPIC, topic, [("cleanup.policy", SET, "")]).error_code == Error.NONE
    assert by_name(describe(connection, TOPIC, topic))["cleanup.policy"].value == ""


def test_a_change_takes_effect_at_once(connection, topic):
    from harness import batches

    payload = batches.batch([(None, b"x" * 2000)])
    assert wire.produce(connection, topic, payload).error_code == Error.NONE
    assert alter(connection, TOPIC, topic, [("max.message.bytes", SET, "1000")]).error_code == Error.NONE
    assert wire.produce(connection, topic, payload).error_code == Error.MESSAGE_TOO_LARGE
    assert alter(connection, TOPIC, topic, [("cleanup.policy", SET, "compact")]).error_code == Error.NONE
    assert wire.produce(connection, topic, batches.batch([(None, b"v")])).error_code == Error.INVALID_RECORD


def test_the_brokers_default_reaches_its_topics(start_broker, topic_name):
    broker = start_broker(settings={"log.retention.ms": "77777", "num.partitions": "4"})
    with wire.connect(broker) as connection:
        wire.create_topic(connection, topic_name, -1, replication=-1)
        found = by_name(describe(connection, TOPIC, topic_name, synonyms=True))["retention.ms"]
        assert (found.value, found.config_source) == ("77777", STATIC)
        assert ("log.retention.ms", "77777", STATIC) in [(one.name, one.value, one.source) for one in found.synonyms]
        assert len(wire.topic_metadata(connection, topic_name).partitions) == 4
