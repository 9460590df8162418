"""Groups without a client library: each request by itself, with the fields the tests care about."""

from kafka.protocol.consumer import HeartbeatRequest, JoinGroupRequest, OffsetCommitRequest, OffsetFetchRequest


def commit(connection, group, offsets, *, member="", generation=-1, metadata="", version=7):
    """Commits offsets by (topic, partition); returns the error codes in the same order."""
    Topic = OffsetCommitRequest.OffsetCommitRequestTopic
    Partition = Topic.OffsetCommitRequestPartition
    topics = [
        Topic(
            version=version,
            name=topic,
            partitions=[
                Partition(
                    version=version,
                    partition_index=partition,
                    committed_offset=offset,
                    committed_leader_epoch=-1,
                    committed_metadata=metadata,
                )
            ],
        )
        for (topic, partition), offset in offsets.items()
    ]
    request = OffsetCommitRequest(
        version=version,
        group_id=group,
        generation_id_or_member_epoch=generation,
        member_id=member,
        group_instance_id=None,
        topics=topics,
    )
    return [partition.error_code for topic in connection.call(request).topics for partition in topic.partitions]


def committed(connection, group):
    """All committed offsets of the group by (topic, partition); a retriable error of the whole group is None."""
    response = connection.call(OffsetFetchRequest(version=7, group_id=group, topics=None, require_stable=True))
    if response.error_code:
        return None
    return {
        (topic.name, partition.partition_index): partition.committed_offset
        for topic in response.topics
        for partition in topic.partitions
    }


def join_request(group, *, member="", session=10_000, rebalance=10_000, protocols=(("range", b""),), version=4):
    Protocol = JoinGroupRequest.JoinGroupRequestProtocol
    return JoinGroupRequest(
        version=version,
        group_id=group,
        session_timeout_ms=session,
        rebalance_timeout_ms=rebalance,
        member_id=member,
        protocol_type="consumer",
        protocols=[Protocol(version=version, name=name, metadata=metadata) for name, metadata in protocols],
    )


def join(connection, group, **options):
    """Joins with the id that the coordinator gives, and waits until the group has a generation."""
    told = connection.call(join_request(group, **options))
    if told.error_code != 79:
        return told
    return connection.call(join_request(group, member=told.member_id, **options))


def heartbeat(connection, group, joined):
    request = HeartbeatRequest(
        version=2, group_id=group, generation_id=joined.generation_id, member_id=joined.member_id
    )
    return connection.call(request).error_code
