"""What arrives on an open port: rubbish, other protocols, lies. The broker stays, and others do not notice."""

import contextlib
import os
import random
import socket
import struct

import pytest

from harness import batches, wire
from harness.errors import Error
from harness.neighbour import Neighbour

# Over the idle broker plus its caches; a lie about a length must not become memory.
RESIDENT_LIMIT = 300 << 20
LARGEST_FRAME = 104_857_600


@pytest.fixture(scope="module")
def neighbour(broker):
    name = "neighbour"
    with wire.connect(broker) as connection:
        assert wire.create_topic(connection, name).error_code == Error.NONE
    with Neighbour(broker, name) as beside:
        yield beside
        beside.assert_everything_is_stored()


@pytest.fixture(autouse=True)
def others_do_not_notice(broker, neighbour):
    yield
    if hasattr(broker, "assert_running"):
        broker.assert_running()
    neighbour.assert_goes_on()
    if hasattr(broker, "resident_bytes"):
        assert broker.resident_bytes() < RESIDENT_LIMIT


def say(broker, data, timeout=5):
    """Sends the bytes and returns what comes back until the broker closes; None if it does not close."""
    with wire.connect(broker, timeout=timeout) as connection:
        answer = b""
        try:
            connection.send_bytes(data)
            while part := connection.socket.recv(65536):
                answer += part
        except (ConnectionResetError, wire.Closed):
            pass
        except TimeoutError:
            return None
        return answer


@pytest.mark.parametrize("length", [-1, -(1 << 31), LARGEST_FRAME + 1, 0x7FFFFFFF, 0x16030100])
def test_impossible_lengths_close_the_connection(broker, length):
    assert say(broker, struct.pack(">i", length) + b"\0" * 100) == b""


@pytest.mark.parametrize("length", [0, 1, 7])
def test_frames_too_short_for_a_header_close_the_connection(broker, length):
    assert say(broker, struct.pack(">i", length) + b"\0" * length) == b""


def test_a_large_announced_frame_takes_no_memory_before_it_arrives(broker):
    if not hasattr(broker, "resident_bytes"):
        pytest.skip("only for a broker we can look into")
    before = broker.resident_bytes()
    connections = [wire.Connection(broker.address) for _ in range(50)]
    for one in connections:
        one.send_bytes(struct.pack(">i", LARGEST_FRAME) + b"\0\x03\0\x0c" + b"\0" * 10_000)
    with wire.connect(broker) as connection:
        assert connection.call(wire.api_versions()).error_code == Error.NONE
    assert broker.resident_bytes() - before < 100 << 20
    for one in connections:
        one.close()


def client_hello():
    """The start of TLS 1.2: a handshake record with a ClientHello."""
    body = b"\x03\x03" + b"R" * 32 + b"\0" + b"\0\x04\x13\x01\x13\x02" + b"\x01\0" + b"\0\0"
    handshake = b"\x01" + len(body).to_bytes(3, "big") + body
    return b"\x16\x03\x01" + struct.pack(">H", len(handshake)) + handshake


def test_tls_is_recognised_in_the_log(broker):
    assert say(broker, client_hello()) is not None
    if hasattr(broker, "log"):
        # One line, by whichever attempt of the last second came first.
        broker.wait_for_log("TLS")


@pytest.mark.parametrize(
    "request_line",
    [b"GET / HTTP/1.1", b"POST /topics HTTP/1.1", b"HEAD / HTTP/1.0", b"PUT /x HTTP/1.1", b"OPTIONS * HTTP/1.1"],
)
def test_http_gets_a_page_that_says_what_this_port_is(broker, request_line):
    answer = say(broker, request_line + b"\r\nHost: localhost\r\nUser-Agent: curl\r\n\r\n")
    assert answer is not None, "the connection stays open"
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith((b"HTTP/1.1 400", b"HTTP/1.0 400"))
    assert b"Kafka" in body or request_line.startswith(b"HEAD")
    if hasattr(broker, "log"):
        broker.wait_for_log("HTTP")


def test_http_that_arrives_byte_by_byte(broker):
    with wire.connect(broker, timeout=5) as connection:
        for byte in b"GET / HTTP/1.1\r\nHost: x\r\n\r\n":
            try:
                connection.send_bytes(bytes([byte]))
            except wire.Closed:
                break
        try:
            assert connection.receive_exactly(8) == b"HTTP/1.1"
        except wire.Closed:
            pytest.fail("closed without a page")


@pytest.mark.parametrize("key", [-1, 93, 999, 32767, -32768, 4, 7])
def test_an_unknown_api_closes_only_its_connection(broker, key):
    with wire.connect(broker, timeout=5) as connection:
        connection.send_raw(key, 0, b"\0" * 16)
        assert connection.is_closed_by_peer()


def test_a_negative_version(broker):
    for key in (0, 1, 3, 18):
        with wire.connect(broker, timeout=5) as connection:
            connection.send_raw(key, -1, b"\0" * 16)
            with contextlib.suppress(wire.Closed):
                connection.receive()


ARRAYS = {
    "metadata 1, topics": (3, 1, b""),
    "metadata 12, topics": (3, 12, b""),
    "list offsets 1": (2, 1, struct.pack(">i", -1)),
    "list offsets 7": (2, 7, struct.pack(">ib", -1, 0)),
    "produce 3, topics": (0, 3, struct.pack(">hhi", -1, 1, 1000)),
    "produce 9, topics": (0, 9, b"\0" + struct.pack(">hi", 1, 1000)),
    "fetch 11, topics": (1, 11, struct.pack(">iiiibii", -1, 0, 0, 1 << 20, 0, 0, -1)),
    "fetch 12, topics": (1, 12, struct.pack(">iiiibii", -1, 0, 0, 1 << 20, 0, 0, -1)),
    "create topics 2": (19, 2, b""),
    "create topics 7": (19, 7, b""),
    "delete topics 5": (20, 5, b""),
    "describe configs 4": (32, 4, b""),
    "incremental alter configs 1": (44, 1, b""),
    "create partitions 3": (37, 3, b""),
    "describe topic partitions 0": (75, 0, b""),
    "find coordinator 4": (10, 4, b"\0"),
}
FLEXIBLE = {(3, 12), (2, 7), (0, 9), (1, 12), (19, 7), (20, 5), (32, 4), (44, 1), (37, 3), (75, 0), (10, 4)}


@pytest.mark.parametrize("name", ARRAYS)
def test_array_counts_beyond_the_frame(broker, name):
    key, version, start = ARRAYS[name]
    is_flexible = (key, version) in FLEXIBLE
    if is_flexible:
        counts = [b"\xff\xff\xff\xff\x07", b"\xff\xff\xff\xff\x0f", b"\xff\xff\xff\xff\xff\xff\xff\x0f", b"\x80" * 9]
    else:
        counts = [struct.pack(">i", count) for count in (0x7FFFFFFF, 1_000_000, -2)]
    for count in counts:
        with wire.connect(broker, timeout=5) as connection:
            connection.send_raw(key, version, start + count + b"\0\0\0", tags=b"\0" if is_flexible else b"")
            with contextlib.suppress(wire.Closed):
                connection.receive()


def test_tagged_field_bombs(broker):
    for tags in (b"\xff\xff\xff\xff\x0f", b"\x01\x05\xff\xff\xff\xff\x0f", b"\x02\x05\x01a\x05\x01b", b"\x01"):
        with wire.connect(broker, timeout=5) as connection:
            connection.send_raw(18, 3, b"\x04raw\x021\0", tags=tags)
            with contextlib.suppress(wire.Closed):
                connection.receive()


def test_invalid_utf8(broker):
    bad = b"\xff\xfe\xc3("
    name = struct.pack(">h", len(bad)) + bad
    with wire.connect(broker, timeout=5) as connection:
        connection.send_raw(3, 1, struct.pack(">i", 1) + name)
        with contextlib.suppress(wire.Closed):
            connection.receive()
    with wire.connect(broker, timeout=5) as connection:
        connection.send_raw(18, 0, b"", client_id=bad)
        with contextlib.suppress(wire.Closed):
            connection.receive()


def test_every_prefix_of_a_request_as_a_whole_frame(broker, topic):
    """A frame whose length is right but whose fields end early, cut at every byte."""
    payload = batches.batch([(b"k", b"v")])
    for request in (
        wire.produce_request(topic, payload),
        wire.fetch_request(topic, 0, version=12),
        wire.metadata([topic]),
    ):
        request.with_header(correlation_id=1, client_id="raw")
        whole = bytes(request.encode(header=True))
        for cut in range(len(whole)):
            with wire.connect(broker, timeout=5) as connection:
                try:
                    connection.send_bytes(wire.framed(whole[:cut]))
                    connection.receive()
                except wire.Closed:
                    pass
    with wire.connect(broker) as connection:
        assert wire.list_offset(connection, topic, -1).offset == 0


def test_flipped_bits_in_requests(broker, topic, rng):
    """Anything may happen to the request, nothing to the broker. What is stored passes its own checks."""
    payload = batches.batch([(b"key", b"value" * 20)] * 3)
    templates = [
        wire.produce_request(topic, payload),
        wire.produce_request(topic, payload, version=3),
        wire.fetch_request(topic, 0, version=11),
        wire.fetch_request(topic, 0, version=12),
        wire.metadata([topic]),
        wire.api_versions(3),
    ]
    for request in templates:
        request.with_header(correlation_id=1, client_id="raw")
        whole = bytes(request.encode(header=True))
        for _ in range(150):
            damaged = bytearray(whole)
            for _ in range(rng.choice((1, 1, 1, 2, 8))):
                damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
            with wire.connect(broker, timeout=0.5) as connection:
                try:
                    connection.send_bytes(wire.framed(bytes(damaged)))
                    connection.receive()
                except (wire.Closed, TimeoutError, AssertionError):
                    pass  # a fetch whose wait became long, acks that became 0
    with wire.connect(broker) as connection:
        end = wire.list_offset(connection, topic, -1).offset
        position = 0
        while position < end:
            _, found = wire.fetch(connection, topic, position)
            position = found[-1].last_offset + 1


def test_random_bytes(broker):
    source = random.Random(20)
    for _ in range(200):
        data = source.randbytes(source.choice((1, 4, 5, 50, 500, 5000)))
        with wire.connect(broker) as connection, contextlib.suppress(wire.Closed):
            connection.send_bytes(data)


def test_a_request_in_tiny_pieces(connection):
    request = wire.api_versions(3)
    request.with_header(correlation_id=9, client_id="raw")
    for byte in bytes(request.encode(header=True, framed=True)):
        connection.send_bytes(bytes([byte]))
    assert connection.receive_response(request).error_code == Error.NONE


def test_many_requests_in_one_piece(connection, topic):
    requests = []
    data = b""
    for number in range(500):
        request = wire.metadata([topic]) if number % 2 else wire.api_versions(3)
        request.with_header(correlation_id=number, client_id="raw")
        data += bytes(request.encode(header=True, framed=True))
        requests.append(request)
    connection.send_bytes(data)
    for request in requests:
        connection.receive_response(request)


def test_a_client_that_sends_much_and_reads_nothing(broker, topic):
    """Its answers may not pile up in the broker."""
    if not hasattr(broker, "resident_bytes"):
        pytest.skip("only for a broker we can look into")
    before = broker.resident_bytes()
    connection = wire.Connection(broker.address, timeout=1)
    request = wire.metadata(None)
    request.with_header(correlation_id=1, client_id="raw")
    data = bytes(request.encode(header=True, framed=True)) * 1000
    try:
        for _ in range(2000):
            connection.send_bytes(data)
    except (TimeoutError, wire.Closed):
        pass  # the broker stopped reading, as it should
    assert broker.resident_bytes() - before < 100 << 20
    connection.close()


def test_300_idle_half_open_connections(broker):
    """Some said nothing, some half a length, some half a request."""
    openings = [b"", b"\0", b"\0\0\0", struct.pack(">i", 100), struct.pack(">i", 100) + b"\0\x12\0\x03\0\0"]
    connections = []
    for number in range(300):
        one = wire.Connection(broker.address)
        one.send_bytes(openings[number % len(openings)])
        connections.append(one)
    with wire.connect(broker) as connection:
        assert connection.call(wire.api_versions()).error_code == Error.NONE
    for number, one in enumerate(connections):
        if number % 2:  # half of them end with a reset
            one.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        one.close()


def test_closed_connections_leave_nothing_open(broker):
    if not hasattr(broker, "descriptors"):
        pytest.skip("only for a broker we can look into")
    with wire.connect(broker) as connection:
        connection.call(wire.api_versions())
        before = broker.descriptors()
        for _ in range(200):
            with wire.connect(broker) as other:
                other.call(wire.api_versions())
        # The broker may notice the last few closings a little later; asking again gives it a turn.
        for _ in range(1000):
            connection.call(wire.api_versions())
            if broker.descriptors() <= before + 2:
                return
        assert broker.descriptors() <= before + 2


def test_log_lines_about_bad_input_are_few(broker):
    """A rate limit: whoever throws rubbish at the port must not fill the disk with the log."""
    if not hasattr(broker, "log"):
        pytest.skip("only for a broker whose log we see")
    before = len(broker.log)
    for _ in range(500):
        with wire.connect(broker) as connection:
            connection.send_bytes(struct.pack(">i", -1) + os.urandom(10))
    with wire.connect(broker) as connection:
        connection.call(wire.api_versions())
    assert len(broker.log) - before < 50_000
