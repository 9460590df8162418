"""kcat as people use it from a shell: produce, list, query and consume with its own ways to name an offset."""

import json
import subprocess

import pytest

from harness import batches, wire


def kcat(broker, *arguments, stdin=b""):
    command = ["kcat", "-b", broker.bootstrap, "-m", "10", *map(str, arguments)]
    done = subprocess.run(command, input=stdin, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, f"{command}: {done.stderr.decode(errors='replace')}"
    return done.stdout


def consume(broker, topic, *arguments):
    return kcat(broker, "-C", "-t", topic, "-e", "-q", *arguments).decode().splitlines()


def produce_at_times(broker, topic, times):
    with wire.connect(broker) as connection:
        for number, timestamp in enumerate(times):
            payload = batches.batch([(None, b"at %d" % number)], timestamp=timestamp)
            assert wire.produce(connection, topic, payload).error_code == 0


@pytest.mark.parametrize("codec", ["none", "gzip", "snappy", "lz4", "zstd"])
def test_lines_come_back_in_order(broker, topic, codec):
    lines = [f"line {number} of a text that repeats itself" for number in range(1000)]
    kcat(broker, "-P", "-t", topic, "-z", codec, stdin="\n".join(lines).encode())
    assert consume(broker, topic, "-o", "beginning") == lines


def test_keys_headers_and_tombstones(broker, topic):
    kcat(broker, "-P", "-t", topic, "-K:", "-Z", "-H", "a=1", "-H", "b=two", stdin=b"k1:v1\nk2:\n")
    found = consume(broker, topic, "-o", "beginning", "-f", "%k|%S|%s|%h\n")
    assert found == ["k1|2|v1|a=1,b=two", "k2|-1||a=1,b=two"]


def test_offsets_from_the_beginning_the_end_and_by_number(broker, topic):
    kcat(broker, "-P", "-t", topic, stdin=b"".join(b"%d\n" % number for number in range(10)))
    assert consume(broker, topic, "-o", "beginning", "-p", 0) == [str(number) for number in range(10)]
    assert consume(broker, topic, "-o", "7", "-p", 0) == ["7", "8", "9"]
    assert consume(broker, topic, "-o", "-2", "-p", 0) == ["8", "9"]
    assert consume(broker, topic, "-o", "end", "-p", 0) == []
    assert consume(broker, topic, "-o", "beginning", "-c", "3") == ["0", "1", "2"]


def test_offsets_by_time(broker, topic):
    start = batches.now() - 100_000
    produce_at_times(broker, topic, [start, start + 1000, start + 2000, start + 3000])
    assert consume(broker, topic, "-o", f"s@{start + 1000}") == ["at 1", "at 2", "at 3"]
    assert consume(broker, topic, "-o", f"s@{start + 1001}") == ["at 2", "at 3"]
    assert consume(broker, topic, "-o", f"s@{start}", "-o", f"e@{start + 2000}") == ["at 0", "at 1"]
    assert kcat(broker, "-Q", "-t", f"{topic}:0:{start + 2500}").split()[-1] == b"3"
    assert kcat(broker, "-Q", "-t", f"{topic}:0:-1").split()[-1] == b"4"
    assert kcat(broker, "-Q", "-t", f"{topic}:0:-2").split()[-1] == b"0"


def test_list_shows_brokers_topics_and_partitions(broker, make_topic):
    topic = make_topic(3)
    listed = json.loads(kcat(broker, "-L", "-J"))
    assert [one["name"] for one in listed["brokers"]] == [broker.bootstrap]
    (found,) = [one for one in listed["topics"] if one["topic"] == topic]
    assert sorted(one["partition"] for one in found["partitions"]) == [0, 1, 2]
    leader = listed["brokers"][0]["id"]
    for one in found["partitions"]:
        assert one["leader"] == leader
        assert [replica["id"] for replica in one["replicas"]] == [leader]
        assert [replica["id"] for replica in one["isrs"]] == [leader]


def test_a_topic_is_made_by_producing_to_it(broker, topic_name):
    kcat(broker, "-P", "-t", topic_name, stdin=b"first\n")
    assert consume(broker, topic_name, "-o", "beginning") == ["first"]


def test_a_key_always_goes_to_the_partition_the_java_client_would_choose(broker, make_topic):
    topic = make_topic(6)
    keys = [f"key-{number}" for number in range(100)]
    lines = "".join(f"{key}:value\n" for key in keys).encode()
    kcat(broker, "-P", "-t", topic, "-K:", "-X", "topic.partitioner=murmur2_random", stdin=lines)
    found = dict(line.split(" ") for line in consume(broker, topic, "-o", "beginning", "-f", "%k %p\n"))
    assert {key: int(number) for key, number in found.items()} == {key: murmur2_partition(key, 6) for key in keys}


def murmur2_partition(key, count):
    from kafka.partitioner.default import murmur2

    return (murmur2(key.encode()) & 0x7FFFFFFF) % count


def test_transactions_off_idempotence_on(broker, topic):
    kcat(broker, "-P", "-t", topic, "-X", "enable.idempotence=true", stdin=b"a\nb\nc\n")
    assert consume(broker, topic, "-o", "beginning") == ["a", "b", "c"]
