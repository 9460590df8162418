"""Metadata, topic ids, auto-creation, and the rules for names."""

import uuid

import pytest
from kafka.protocol.admin import (
    DeleteTopicsRequest,
    DescribeClusterRequest,
    DescribeTopicPartitionsRequest,
)
from kafka.protocol.metadata import FindCoordinatorRequest, MetadataRequest

from harness import batches, wire
from harness.errors import Error

NOBODY = uuid.UUID(int=0)


@pytest.mark.parametrize("version", range(14))
def test_every_version_tells_broker_topic_and_partitions(broker, connection, make_topic, version):
    topic = make_topic(3)
    response = connection.call(wire.metadata([topic], version=version))
    (node,) = response.brokers
    assert (node.host, node.port) == broker.address
    (found,) = response.topics
    assert (found.error_code, found.name) == (Error.NONE, topic)
    assert sorted(one.partition_index for one in found.partitions) == [0, 1, 2]
    for one in found.partitions:
        assert one.leader_id == node.node_id
        assert list(one.replica_nodes) == list(one.isr_nodes) == [node.node_id]
    if version >= 1:
        assert response.controller_id == node.node_id
    if version >= 2:
        assert response.cluster_id
    if version >= 10:
        assert found.topic_id != NOBODY


def test_null_means_all_topics_and_an_empty_list_means_none(connection, topic):
    assert topic in [one.name for one in connection.call(wire.metadata(None)).topics]
    assert list(connection.call(wire.metadata([], version=4)).topics) == []


def test_version_0_asks_for_all_topics_with_an_empty_list(connection, topic):
    assert topic in [one.name for one in connection.call(wire.metadata([], version=0)).topics]


def test_a_topic_is_made_when_the_client_allows_it(connection, topic_name):
    without = wire.topic_metadata(connection, topic_name)
    assert without.error_code == Error.UNKNOWN_TOPIC_OR_PARTITION
    wire.topic_metadata(connection, topic_name, create=True)
    found = wire.topic_metadata(connection, topic_name)
    assert found.error_code == Error.NONE
    assert len(found.partitions) == 1


def test_versions_before_4_always_make_the_topic(connection, topic_name):
    wire.topic_metadata(connection, topic_name, version=1)
    assert wire.topic_metadata(connection, topic_name).error_code == Error.NONE


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a b", "ä", "x" * 250, "a\0b", "a\nb"])
def test_impossible_names_are_refused_not_made(connection, name):
    found = wire.topic_metadata(connection, name, create=True)
    assert found.error_code == Error.INVALID_TOPIC_EXCEPTION
    assert wire.create_topic(connection, name).error_code == Error.INVALID_TOPIC_EXCEPTION
    assert name not in [one.name for one in connection.call(wire.metadata(None)).topics]


@pytest.mark.parametrize("name", ["x" * 249, "a.b_c-D9", "...", "-"])
def test_odd_but_legal_names_work(connection, name):
    assert wire.create_topic(connection, name).error_code == Error.NONE
    assert wire.produce(connection, name, batches.batch([(None, b"v")])).error_code == Error.NONE
    assert len(wire.fetch(connection, name, 0)[1]) == 1
    assert wire.delete_topic(connection, name).error_code == Error.NONE


def test_ids_are_stable_and_a_topic_made_again_has_a_new_one(connection, topic_name):
    made = wire.create_topic(connection, topic_name).topic_id
    assert made != NOBODY
    assert wire.topic_metadata(connection, topic_name).topic_id == made
    assert wire.delete_topic(connection, topic_name).error_code == Error.NONE
    again = wire.create_topic(connection, topic_name).topic_id
    assert again not in (made, NOBODY)
    # The new topic starts empty.
    assert wire.list_offset(connection, topic_name, -1).offset == 0


def by_id(topic_id, version=12):
    Topic = MetadataRequest.MetadataRequestTopic
    one = Topic(name=None, topic_id=topic_id, version=version)
    return MetadataRequest(version=version, topics=[one], allow_auto_topic_creation=False)


def test_look_up_by_id(connection, topic_name):
    made = wire.create_topic(connection, topic_name).topic_id
    (found,) = connection.call(by_id(made)).topics
    assert (found.error_code, found.name, found.topic_id) == (Error.NONE, topic_name, made)
    (missing,) = connection.call(by_id(uuid.uuid4())).topics
    assert missing.error_code == Error.UNKNOWN_TOPIC_ID


def test_produce_and_fetch_by_id(connection, topic_name):
    made = wire.create_topic(connection, topic_name).topic_id
    payload = batches.batch([(b"k", b"v")])
    assert wire.produce(connection, None, payload, version=13, topic_id=made).error_code == Error.NONE
    for version in (13, 14, 15, 16, 17, 18):
        partition, found = wire.fetch(connection, None, 0, version=version, topic_id=made)
        assert (partition.error_code, len(found)) == (Error.NONE, 1), version
    unknown = uuid.uuid4()
    answer = wire.produce(connection, None, payload, version=13, topic_id=unknown)
    assert answer.error_code == Error.UNKNOWN_TOPIC_ID
    response = connection.call(wire.fetch_request(None, 0, version=13, topic_id=unknown))
    assert Error.UNKNOWN_TOPIC_ID in (response.error_code, wire.only_partition(response).error_code)


def test_delete_by_id(connection, topic_name):
    made = wire.create_topic(connection, topic_name).topic_id

    def delete(topic_id):
        state = DeleteTopicsRequest.DeleteTopicState(name=None, topic_id=topic_id, version=6)
        (found,) = connection.call(DeleteTopicsRequest(version=6, topics=[state], timeout_ms=10000)).responses
        return found

    assert delete(made).error_code == Error.NONE
    assert delete(made).error_code == Error.UNKNOWN_TOPIC_ID
    assert wire.topic_metadata(connection, topic_name).error_code == Error.UNKNOWN_TOPIC_OR_PARTITION


@pytest.mark.parametrize("version", range(2, 8))
def test_create_in_every_version(connection, topic_name, version):
    made = wire.create_topic(connection, topic_name, 2, {"retention.ms": "5000"}, version=version)
    assert made.error_code == Error.NONE
    if version >= 5:
        assert (made.num_partitions, made.replication_factor) == (2, 1)
        assert {one.name: one.value for one in made.configs}["retention.ms"] == "5000"
    again = wire.create_topic(connection, topic_name, 2, version=version)
    assert again.error_code == Error.TOPIC_ALREADY_EXISTS
    assert wire.delete_topic(connection, topic_name, version=min(version - 1, 5)).error_code == Error.NONE


def test_names_that_differ_in_dot_and_underscore_collide(connection, topic_name):
    """They would be one name in metrics; Kafka refuses the second."""
    assert wire.create_topic(connection, f"{topic_name}.x_y").error_code == Error.NONE
    assert wire.create_topic(connection, f"{topic_name}_x.y").error_code == Error.INVALID_TOPIC_EXCEPTION


def test_one_create_request_cannot_make_a_topic_twice(connection, topic_name):
    from kafka.protocol.admin import CreateTopicsRequest

    Topic = CreateTopicsRequest.CreatableTopic
    one = {"name": topic_name, "num_partitions": 1, "replication_factor": 1, "assignments": [], "configs": []}
    topics = [Topic(version=7, **one), Topic(version=7, **one)]
    response = connection.call(CreateTopicsRequest(version=7, topics=topics, timeout_ms=1000, validate_only=False))
    assert {found.error_code for found in response.topics} == {Error.INVALID_REQUEST}


@pytest.mark.parametrize("version", range(3))
def test_describe_cluster(broker, connection, version):
    response = connection.call(DescribeClusterRequest(version=version, include_cluster_authorized_operations=False))
    assert response.error_code == Error.NONE
    (node,) = response.brokers
    assert (node.host, node.port) == broker.address
    assert response.cluster_id == connection.call(wire.metadata([])).cluster_id


def test_describe_topic_partitions_goes_on_where_it_stopped(connection, make_topic):
    topic = make_topic(7)
    Topic = DescribeTopicPartitionsRequest.TopicRequest
    Cursor = DescribeTopicPartitionsRequest.Cursor
    found, cursor = [], None
    for _ in range(10):
        response = connection.call(
            DescribeTopicPartitionsRequest(
                version=0, topics=[Topic(name=topic, version=0)], response_partition_limit=3, cursor=cursor
            )
        )
        (described,) = response.topics
        assert described.error_code == Error.NONE
        found += [one.partition_index for one in described.partitions]
        if response.next_cursor is None:
            break
        cursor = Cursor(
            topic_name=response.next_cursor.topic_name,
            partition_index=response.next_cursor.partition_index,
            version=0,
        )
    assert found == list(range(7))


@pytest.mark.parametrize("version", range(7))
def test_find_coordinator_is_this_broker(broker, connection, version):
    if version < 4:
        request = FindCoordinatorRequest(version=version, key="group", key_type=0)
        found = connection.call(request)
    else:
        request = FindCoordinatorRequest(version=version, key_type=0, coordinator_keys=["group"])
        (found,) = connection.call(request).coordinators
    assert found.error_code == Error.NONE
    assert (found.host, found.port) == broker.address


def test_a_client_is_told_the_address_it_connected_to(start_broker):
    broker = start_broker()
    for host in ("127.0.0.1", "127.0.0.2"):
        try:
            connection = wire.Connection((host, broker.port), timeout=5)
        except OSError:
            continue  # it listens on 127.0.0.1 only
        with connection:
            (node,) = connection.call(wire.metadata([])).brokers
            assert (node.host, node.port) == (host, broker.port)


def test_on_all_addresses_each_client_is_told_its_own(start_broker):
    broker = start_broker()
    broker.stop()
    broker.host = "0.0.0.0"
    broker.start()
    for host in ("127.0.0.1", "127.0.0.2"):
        with wire.Connection((host, broker.port), timeout=5) as connection:
            (node,) = connection.call(wire.metadata([])).brokers
            assert (node.host, node.port) == (host, broker.port)
