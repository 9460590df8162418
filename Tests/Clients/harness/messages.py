"""Messages to produce: reproducible, of many sizes, and either any bytes or bytes that fit on a line."""

from .clients import Message

# What would end a key, a value or a line where a client reads messages from a file.
NOT_ON_LINES = bytes.maketrans(b"\n\r\x1e\x1f", b"abcd")
SIZES = (1, 2, 17, 100, 100, 300, 300, 1000, 4000)


def some(rng, partitions=3, count=300, on_lines=False, headers=(), keyed=True):
    """`count` messages over the partitions. Half of the values compress well.

    `headers` names those that some messages carry: index, empty, null.
    """
    messages = []
    for index in range(count):
        size = rng.choice(SIZES)
        value = rng.randbytes(size) if index % 2 else (f"value {index} " * (size // 8 + 1)).encode()[:size]
        key = f"key-{index}".encode() if keyed else None
        if on_lines:
            value = value.translate(NOT_ON_LINES)
        if not on_lines and index % 50 == 7:
            value = None
        if not on_lines and index % 50 == 11:
            key, value = None, b""
        possible = (("index", str(index).encode()), ("empty", b""), ("null", None))
        own = tuple(one for one in possible if one[0] in headers) if index % 3 == 0 else ()
        messages.append(Message(index % partitions, key, value, own))
    return messages
