"""Retention as people meet it: records go in time, for a reason that one can ask for, and not before."""

import json
import re
import time

import pytest

from harness import batches, wire
from harness.broker import run_martlet
from harness.errors import Error

NOW = round(time.time() * 1000)
HOUR = 3_600_000


@pytest.fixture
def martlet(broker):
    """Runs a command that must succeed and returns the JSON it wrote."""

    def call(*arguments):
        done = run_martlet(*arguments, "--json", "-b", broker.bootstrap)
        assert done.returncode == 0, done
        return json.loads(done.stdout)

    return call


def append(broker, topic, times, size=100):
    with wire.connect(broker) as connection:
        for timestamp in times:
            payload = batches.batch([(b"key", b"x" * size)], timestamp=timestamp)
            assert wire.produce(connection, topic, payload).error_code == Error.NONE


def removed(report):
    """How many segments went from each partition of the only topic."""
    (topic,) = report
    return [len(one["removed"]) for one in topic["partitions"]]


def explained(martlet, topic):
    """The segments of the only partition."""
    ((partition,),) = [one["partitions"] for one in martlet("topic", "explain", topic)]
    return partition["segments"]


@pytest.mark.parametrize("verb", [("topic", "explain"), ("retention", "apply")])
def test_a_topic_that_is_not_there_is_named(broker, verb):
    done = run_martlet(*verb, "no-such-topic", "-b", broker.bootstrap)
    assert done.returncode == 1
    assert b"no-such-topic" in done.stderr


def test_a_policy_without_delete_keeps_everything(broker, martlet, make_topic):
    for policy in ("compact", ""):
        topic = make_topic(cleanup_policy=policy, retention_ms=1000, retention_bytes=1, internal_segment_bytes=300)
        append(broker, topic, [NOW - HOUR] * 5)
        assert removed(martlet("retention", "apply", topic)) == [0]
        assert {one["reason"] for one in explained(martlet, topic)} <= {"compacted", "no-policy"}


def test_timestamps_in_the_future_do_not_keep_records_for_ever(broker, martlet, make_topic):
    topic = make_topic(retention_ms=1500, internal_segment_bytes=300, message_timestamp_after_max_ms=2**63 - 1)
    append(broker, topic, [2**62] * 6)
    assert removed(martlet("retention", "apply", topic)) == [0]
    wait_until_empty(broker, topic)


def wait_until_empty(broker, topic, seconds=20):
    """Waits for the broker's own rounds."""
    deadline = time.monotonic() + seconds
    with wire.connect(broker) as connection:
        while True:
            (start, end) = (
                wire.list_offset(connection, topic, -2).offset,
                wire.list_offset(connection, topic, -1).offset,
            )
            if start == end:
                return
            assert time.monotonic() < deadline, f"records {start} to {end} are still there"
            time.sleep(0.1)


def test_short_retention_is_kept_without_being_asked(broker, make_topic):
    topic = make_topic(retention_ms=1500, internal_segment_bytes=300)
    began = time.monotonic()
    append(broker, topic, [round(time.time() * 1000)] * 6)
    wait_until_empty(broker, topic)
    assert time.monotonic() - began > 1.5


def test_a_dry_run_removes_nothing_and_says_what_would_go(broker, martlet, make_topic):
    topic = make_topic(retention_bytes=600, retention_ms=-1, internal_segment_bytes=300)
    append(broker, topic, [NOW] * 12)
    (promised,) = martlet("retention", "apply", topic, "--dry-run")
    assert promised["dry_run"] is True
    assert len(explained(martlet, topic)) > len(promised["partitions"][0]["removed"]) > 0
    (done,) = martlet("retention", "apply", topic)
    assert done["partitions"] == promised["partitions"]
    segments = explained(martlet, topic)
    assert segments[0]["base_offset"] == done["partitions"][0]["start_offset"]
    assert sum(one["bytes"] for one in segments) >= 600
    assert removed(martlet("retention", "apply", topic)) == [0]
    with wire.connect(broker) as connection:
        assert wire.list_offset(connection, topic, -2).offset == segments[0]["base_offset"]


def test_what_is_too_old_goes_and_the_rest_says_when(broker, martlet, make_topic):
    # Long enough that no round of the broker's own comes first: until it has watched the clock for a whole interval.
    topic = make_topic(retention_ms=10 * HOUR, internal_segment_bytes=300)
    append(broker, topic, [NOW - 20 * HOUR] * 4 + [NOW - HOUR] * 4)
    before = explained(martlet, topic)
    assert [one["expired"] for one in before] == sorted((one["expired"] for one in before), reverse=True)
    assert before[0]["expired"] and not before[-1]["expired"]
    assert before[-1]["active"]
    (report,) = martlet("retention", "apply", topic)
    (partition,) = report["partitions"]
    assert {one["reason"] for one in partition["removed"]} == {"age"}
    for segment in explained(martlet, topic):
        assert segment["base_offset"] >= partition["start_offset"]
        assert segment["expires_at"] == segment["largest_timestamp"] + 10 * HOUR


def test_tables_for_people(broker, make_topic):
    topic = make_topic(retention_ms=10 * HOUR, internal_segment_bytes=300)
    append(broker, topic, [NOW - 20 * HOUR] * 4 + [NOW - HOUR] * 4)
    table = run_martlet("topic", "explain", topic, "-b", broker.bootstrap).stdout.decode()
    assert "WHY" in table and "retention.ms=36000000" in table and " now " in table
    text = run_martlet("retention", "apply", topic, "-b", broker.bootstrap).stdout.decode()
    # NOW is when the tests began, which may be long ago.
    assert "removed offsets 0 to" in text and re.search(r"its newest record is 20\.\d h old", text)
    again = run_martlet("retention", "apply", topic, "-b", broker.bootstrap).stdout.decode()
    assert again == f"topic {topic}: nothing to remove\n"


def test_files_go_after_the_delay(start_broker):
    broker = start_broker()
    with wire.connect(broker) as connection:
        configs = {"retention.bytes": "300", "internal.segment.bytes": "300", "file.delete.delay.ms": "1000"}
        assert wire.create_topic(connection, "events", 1, configs).error_code == 0
    append(broker, "events", [NOW] * 9)
    directory = broker.data / "events-0"
    done = run_martlet("retention", "apply", "events", "-b", broker.bootstrap)
    assert done.returncode == 0
    deadline = time.monotonic() + 20
    while list(directory.glob("*.deleted")):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert "00000000000000000000.log" not in {one.name for one in directory.iterdir()}
