"""The three requests that set the stage, by hand: the benchmark needs no client library."""

import struct

CREATE_TOPICS, DELETE_TOPICS, METADATA = 19, 20, 3


def text(value):
    encoded = value.encode()
    return struct.pack(">h", len(encoded)) + encoded


def call(connection, key, version, body):
    """Sends a request with an inflexible header and returns the response's body."""
    request = struct.pack(">hhi", key, version, 1) + text("bench") + body
    connection.sendall(struct.pack(">i", len(request)) + request)
    (length,) = struct.unpack(">i", receive(connection, 4))
    return receive(connection, length)[4:]


def receive(connection, count):
    parts = b""
    while len(parts) < count:
        part = connection.recv(count - len(parts))
        if not part:
            raise ConnectionError("the broker closed the connection")
        parts += part
    return parts


def metadata(connection):
    """Asks for the brokers and no topics; the body of the answer."""
    return call(connection, METADATA, 1, struct.pack(">i", 0))


def create_topic(connection, name, partitions, configs):
    body = struct.pack(">i", 1) + text(name) + struct.pack(">ihi", partitions, 1, 0)
    body += struct.pack(">i", len(configs)) + b"".join(text(key) + text(value) for key, value in configs.items())
    answer = call(connection, CREATE_TOPICS, 2, body + struct.pack(">i?", 30000, False))
    (error,) = struct.unpack_from(">h", answer, 4 + 4 + 2 + len(name))
    if error:
        raise RuntimeError(f"creating {name}: error {error}")


def delete_topic(connection, name):
    answer = call(connection, DELETE_TOPICS, 1, struct.pack(">i", 1) + text(name) + struct.pack(">i", 30000))
    (error,) = struct.unpack_from(">h", answer, 4 + 4 + 2 + len(name))
    if error:
        raise RuntimeError(f"deleting {name}: error {error}")
