"""Raw connections: requests as a client writes them, or as nobody should. The schemas are kafka-python's."""

import fcntl
import itertools
import socket
import struct
import termios
import time
import uuid
from contextlib import contextmanager

from kafka.protocol.admin import CreateTopicsRequest, DeleteTopicsRequest
from kafka.protocol.api_header import RequestHeader
from kafka.protocol.consumer import FetchRequest, ListOffsetsRequest
from kafka.protocol.metadata import ApiVersionsRequest, MetadataRequest
from kafka.protocol.producer import InitProducerIdRequest, ProduceRequest

from . import batches

TIMEOUT_SECONDS = 15


class Closed(Exception):
    """The broker closed the connection."""


class Connection:
    """A socket that speaks in frames."""

    def __init__(self, address, timeout=TIMEOUT_SECONDS):
        self.socket = socket.create_connection(address, timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.correlation = itertools.count(1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send_bytes(self, data):
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError) as error:
            raise Closed from error

    def send(self, request, client_id="raw"):
        """Sends the request and returns its correlation id."""
        correlation_id = next(self.correlation)
        request.with_header(correlation_id=correlation_id, client_id=client_id)
        self.send_bytes(bytes(request.encode(header=True, framed=True)))
        return correlation_id

    def send_raw(self, key, version, body, correlation_id=None, client_id=b"raw", tags=None):
        """Sends a request whose body is already bytes; `tags` are those of a flexible header."""
        correlation_id = next(self.correlation) if correlation_id is None else correlation_id
        header = struct.pack(">hhih", key, version, correlation_id, len(client_id)) + client_id + (tags or b"")
        self.send_bytes(struct.pack(">i", len(header) + len(body)) + header + body)
        return correlation_id

    def wait_until_sent(self):
        """Waits until the broker's kernel has all that was sent: a reset drops what is still here."""
        for _ in range(TIMEOUT_SECONDS * 1000):
            (unsent,) = struct.unpack("i", fcntl.ioctl(self.socket, termios.TIOCOUTQ, b"\0" * 4))
            if unsent == 0:
                return
            time.sleep(0.001)
        raise AssertionError(f"{unsent} bytes are not sent after {TIMEOUT_SECONDS} s")

    def receive_exactly(self, count):
        parts = []
        while count:
            try:
                part = self.socket.recv(min(count, 1 << 20))
            except ConnectionResetError as error:
                raise Closed from error
            if not part:
                raise Closed
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def receive(self):
        """The next frame without its length."""
        (length,) = struct.unpack(">i", self.receive_exactly(4))
        assert 4 <= length < 1 << 30, f"a response of {length} bytes"
        return self.receive_exactly(length)

    def receive_response(self, request):
        frame = self.receive()
        (correlation_id,) = struct.unpack_from(">i", frame)
        assert correlation_id == request.header.correlation_id, (correlation_id, request.header)
        response = request.header.get_response_class()
        return response.decode(frame, header=True)

    def call(self, request, client_id="raw"):
        self.send(request, client_id)
        return self.receive_response(request)

    def is_closed_by_peer(self):
        """Waits until the broker closes the connection; whatever it says before is dropped."""
        try:
            while self.socket.recv(65536):
                pass
        except ConnectionResetError:
            pass
        except TimeoutError:
            return False
        return True


@contextmanager
def connect(broker, **options):
    with Connection(broker.address, **options) as connection:
        yield connection


# The requests the tests make again and again, with the fields they care about.


def api_versions(version=3):
    return ApiVersionsRequest(version=version, client_software_name="raw", client_software_version="1")


def metadata(names, version=12, create=False):
    Topic = MetadataRequest.MetadataRequestTopic
    topics = None if names is None else [Topic(name=name, topic_id=uuid.UUID(int=0), version=version) for name in names]
    return MetadataRequest(version=version, topics=topics, allow_auto_topic_creation=create)


def topic_metadata(connection, name, **options):
    (topic,) = connection.call(metadata([name], **options)).topics
    return topic


def create_topic(connection, name, partitions=1, configs=None, replication=1, version=7, validate_only=False):
    """Creates it and returns its part of the response."""
    Topic, Config = CreateTopicsRequest.CreatableTopic, CreateTopicsRequest.CreatableTopic.CreatableTopicConfig
    topic = Topic(
        name=name,
        num_partitions=partitions,
        replication_factor=replication,
        assignments=[],
        configs=[Config(name=key, value=value, version=version) for key, value in (configs or {}).items()],
        version=version,
    )
    request = CreateTopicsRequest(version=version, topics=[topic], timeout_ms=10000, validate_only=validate_only)
    (result,) = connection.call(request).topics
    return result


def delete_topic(connection, name, version=5):
    (result,) = connection.call(DeleteTopicsRequest(version=version, topic_names=[name], timeout_ms=10000)).responses
    return result


def produce_request(topic, payload, *, partition=0, acks=-1, version=9, topic_id=None, transactional_id=None):
    Topic = ProduceRequest.TopicProduceData
    data = Topic.PartitionProduceData(index=partition, records=payload, version=version)
    identity = {"topic_id": topic_id} if version >= 13 else {"name": topic}
    return ProduceRequest(
        version=version,
        transactional_id=transactional_id,
        acks=acks,
        timeout_ms=10000,
        topic_data=[Topic(partition_data=[data], version=version, **identity)],
    )


def produce(connection, topic, payload, **options):
    """Produces and returns the partition's part of the response."""
    return only_partition(connection.call(produce_request(topic, payload, **options)))


def only_partition(response):
    (topic,) = response.responses
    (partition,) = getattr(topic, "partition_responses", None) or topic.partitions
    return partition


def fetch_request(
    topic,
    offset,
    *,
    partition=0,
    version=11,
    topic_id=None,
    max_wait=0,
    min_bytes=0,
    max_bytes=50 << 20,
    partition_bytes=1 << 20,
    session=(0, -1),
    isolation=0,
):
    Topic = FetchRequest.FetchTopic
    one = Topic.FetchPartition(
        partition=partition,
        current_leader_epoch=-1,
        fetch_offset=offset,
        last_fetched_epoch=-1,
        log_start_offset=-1,
        partition_max_bytes=partition_bytes,
        version=version,
    )
    identity = {"topic_id": topic_id} if version >= 13 else {"topic": topic}
    topics = [] if topic is None and topic_id is None else [Topic(partitions=[one], version=version, **identity)]
    return FetchRequest(
        version=version,
        max_wait_ms=max_wait,
        min_bytes=min_bytes,
        max_bytes=max_bytes,
        isolation_level=isolation,
        session_id=session[0],
        session_epoch=session[1],
        topics=topics,
        forgotten_topics_data=[],
        rack_id="",
        **({} if version >= 15 else {"replica_id": -1}),
    )


def fetch(connection, topic, offset, **options):
    """Fetches and returns the partition's part of the response and its batches."""
    partition = only_partition(connection.call(fetch_request(topic, offset, **options)))
    return partition, batches.split(partition.records)


def list_offset(connection, topic, timestamp, partition=0, version=7):
    Topic = ListOffsetsRequest.ListOffsetsTopic
    one = Topic.ListOffsetsPartition(
        partition_index=partition, current_leader_epoch=-1, timestamp=timestamp, version=version
    )
    request = ListOffsetsRequest(
        version=version,
        replica_id=-1,
        isolation_level=0,
        topics=[Topic(name=topic, partitions=[one], version=version)],
        timeout_ms=10000,
    )
    ((result,),) = [found.partitions for found in connection.call(request).topics]
    return result


def wait_for_end(broker, topic, ends):
    """Waits until partitions can be read up to these offsets: what nobody waits for (acks=0 and acks=1) is seen once it
    is on the disk, a moment after the producer is done."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    with connect(broker) as connection:
        for partition, end in ends.items():
            while (found := list_offset(connection, topic, -1, partition).offset) < end:
                assert time.monotonic() < deadline, f"partition {partition} ends at {found}, expected {end}"
                time.sleep(0.005)


def init_producer(connection, transactional_id=None, timeout=60000, version=4):
    return connection.call(
        InitProducerIdRequest(
            version=version,
            transactional_id=transactional_id,
            transaction_timeout_ms=timeout,
            producer_id=-1,
            producer_epoch=-1,
        )
    )


def header(key, version, correlation_id=1, client_id="raw", flexible=False):
    """A request's header as bytes."""
    fields = RequestHeader(
        request_api_key=key, request_api_version=version, correlation_id=correlation_id, client_id=client_id
    )
    return bytes(fields.encode(flexible=flexible))


def framed(body):
    return struct.pack(">i", len(body)) + body
