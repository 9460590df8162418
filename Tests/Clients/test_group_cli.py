"""`martlet group`: what an admin sees of consumer groups and does to them, beside the clients that are in them."""

import csv
import fcntl
import io
import json
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import threading
import time

import confluent_kafka
import kafka
import pytest
from kafka.structs import OffsetAndMetadata, TopicPartition

from harness import batches, groups, wire
from harness.broker import BINARY, run_martlet
from harness.consuming import Consuming, all_values, has_settled, wait_until

USAGE_ERROR = 64
SECONDS = 30


@pytest.fixture
def martlet(broker):
    """Runs a command that must succeed and returns what it wrote."""

    def call(*arguments, stdin=b""):
        done = run_martlet(*arguments, "-b", broker.bootstrap, stdin=stdin)
        assert done.returncode == 0, done
        return done.stdout

    return call


@pytest.fixture
def refused(broker):
    """Runs a command that must fail and returns the reason it gave."""

    def call(*arguments, stdin=b"", status=1):
        done = run_martlet(*arguments, "-b", broker.bootstrap, stdin=stdin)
        assert done.returncode == status, done
        reason = done.stderr.decode()
        assert reason.strip(), "it does not say why"
        return reason

    return call


@pytest.fixture
def group(topic_name):
    return f"group-{topic_name}"


@pytest.fixture
def three(broker, make_topic):
    """A topic of three partitions with ten records each, one second apart, the newest one hour old."""
    topic = make_topic(partitions=3)
    newest = int(time.time() * 1000) - 3_600_000
    with wire.connect(broker) as connection:
        for partition in range(3):
            for number in range(10):
                stamp = newest - (9 - number) * 1000
                batch = batches.batch([(b"k%d" % number, b"%d:%d" % (partition, number))], timestamp=stamp)
                assert wire.produce(connection, topic, batch, partition=partition).error_code == 0
    return topic, newest


def commit(broker, group, offsets):
    with wire.connect(broker) as connection:
        assert set(groups.commit(connection, group, offsets, metadata="by hand")) == {0}


def committed(broker, group):
    with wire.connect(broker) as connection:
        return groups.committed(connection, group)


def described(martlet, group):
    (report,) = json.loads(martlet("group", "describe", group, "--json"))
    return report


class Reader:
    """A confluent-kafka consumer that has partitions, until it is closed."""

    def __init__(self, broker, topic, group, **settings):
        self.consumer = confluent_kafka.Consumer(
            {
                "bootstrap.servers": broker.bootstrap,
                "group.id": group,
                "client.id": "reader",
                "session.timeout.ms": 6000,
                "heartbeat.interval.ms": 500,
                "auto.offset.reset": "earliest",
                "enable.auto.commit": False,
            }
            | settings
        )
        self.consumer.subscribe([topic])
        end = time.monotonic() + SECONDS
        while not self.consumer.assignment():
            assert time.monotonic() < end, "it was assigned nothing"
            self.consumer.poll(0.1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.consumer.close()


# Looking.


def test_list_shows_groups_and_filters_them(broker, martlet, group, three):
    topic, _ = three
    commit(broker, group, {(topic, 0): 1})
    with Reader(broker, topic, group + "-active"):
        listed = {one["group"]: one for one in json.loads(martlet("group", "list", "--json"))}
        assert listed[group]["state"] == "Empty"
        assert listed[group + "-active"]["state"] == "Stable"
        assert listed[group + "-active"]["type"] == "classic"
        assert listed[group + "-active"]["protocol_type"] == "consumer"
        empty = martlet("group", "list", "--state", "empty").decode()
        assert group in empty and group + "-active" not in empty
        assert group + "-active" in martlet("group", "list", "--type", "classic", "--state", "Stable").decode()
        assert json.loads(martlet("group", "list", "--type", "consumer", "--json")) == []


def test_list_refuses_states_and_types_that_do_not_exist(refused):
    refused("group", "list", "--state", "asleep", status=USAGE_ERROR)
    refused("group", "list", "--type", "share", status=USAGE_ERROR)


def test_describe_tells_lag_in_records_and_in_seconds(broker, martlet, group, three):
    topic, newest = three
    commit(broker, group, {(topic, 0): 4, (topic, 1): 10})
    report = described(martlet, group)
    assert (report["state"], report["members"], report["lag"]) == ("Empty", 0, 6)
    first, second = report["partitions"]
    assert (first["committed_offset"], first["end_offset"], first["lag"], first["next_offset"]) == (4, 10, 6, 4)
    assert first["metadata"] == "by hand"
    assert first["next_timestamp"] == newest - 5000
    age = time.time() - (newest - 5000) / 1000
    assert age - 60 < first["lag_seconds"] <= age
    assert report["lag_seconds"] == first["lag_seconds"]
    assert (second["lag"], second["lag_seconds"], second["next_offset"], second["note"]) == (0, 0.0, None, None)
    table = martlet("group", "describe", group).decode()
    assert "Lag:          6 records, the oldest waits for 60 min" in table


def test_describe_says_who_reads_what(broker, martlet, group, three):
    topic, _ = three
    with Reader(broker, topic, group) as reader:
        reader.consumer.commit(offsets=[confluent_kafka.TopicPartition(topic, 1, 3)], asynchronous=False)
        report = described(martlet, group)
        assert (report["state"], report["assignor"], report["members"]) == ("Stable", "range", 1)
        assert [one["partition"] for one in report["partitions"]] == [0, 1, 2]
        assert {one["client_id"] for one in report["partitions"]} == {"reader"}
        assert {one["host"] for one in report["partitions"]} == {"127.0.0.1"}
        assert [one["committed_offset"] for one in report["partitions"]] == [None, 3, None]
        assert report["partitions"][0]["note"] == "nothing committed yet"
        table = martlet("group", "describe", group).decode()
        assert "reader" in table and "127.0.0.1" in table
        (members,) = json.loads(martlet("group", "members", group, "--json"))
        (member,) = members["members"]
        assert member["subscription"] == [topic]
        assert [one["partition"] for one in member["partitions"]] == [0, 1, 2]
        assert f"{topic}:0-2" in martlet("group", "members", group).decode()


def test_describe_says_so_where_the_next_record_is_expired_or_compacted_away(broker, martlet, group, make_topic):
    expired = make_topic()
    compacted = make_topic(cleanup_policy="compact", min_cleanable_dirty_ratio="0.01", segment_ms="1000")
    with wire.connect(broker) as connection:
        for number in range(10):
            batch = batches.batch([(b"key", b"%d" % number)])
            assert wire.produce(connection, expired, batch).error_code == 0
            assert wire.produce(connection, compacted, batch).error_code == 0
    martlet("topic", "trim", expired, "--partition", "0", "--offset", "7")
    time.sleep(1.1)
    with wire.connect(broker) as connection:
        # The segment before is sealed by this record, so that it can be compacted.
        assert wire.produce(connection, compacted, batches.batch([(b"other", b"x")])).error_code == 0
    martlet("compact", compacted, "--wait")
    commit(broker, group, {(expired, 0): 2, (compacted, 0): 2})
    by_topic = {one["topic"]: one for one in described(martlet, group)["partitions"]}
    assert by_topic[expired]["next_offset"] == 7
    assert "expired" in by_topic[expired]["note"]
    assert by_topic[expired]["lag"] == 8
    assert by_topic[compacted]["next_offset"] == 9
    assert "compacted" in by_topic[compacted]["note"]


def test_describe_survives_topics_that_are_gone(broker, martlet, group, make_topic, three):
    topic, _ = three
    gone = make_topic()
    commit(broker, group, {(gone, 0): 0, (topic, 0): 4})
    martlet("topic", "delete", gone)
    partitions = {one["topic"]: one for one in described(martlet, group)["partitions"]}
    assert partitions[topic]["lag"] == 6
    if gone in partitions:
        assert partitions[gone]["note"] == "the topic is gone"
        assert partitions[gone]["lag"] is None


def test_describe_watches_until_interrupted(broker, group, three):
    topic, _ = three
    commit(broker, group, {(topic, 0): 4})
    command = [
        str(BINARY),
        "group",
        "describe",
        group,
        "--watch",
        "--interval",
        "0.1",
        "--json",
        "-b",
        broker.bootstrap,
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as watching:
        assert json.loads(watching.stdout.readline())[0]["lag"] == 6
        commit(broker, group, {(topic, 0): 9})
        for _ in range(100):
            lag = json.loads(watching.stdout.readline())[0]["lag"]
            if lag == 1:
                break
        assert lag == 1
        watching.send_signal(signal.SIGINT)
        assert watching.wait(SECONDS) == 0, watching.stderr.read()


def test_a_terminal_is_refreshed_in_place_and_left_clean(broker, group, three):
    topic, _ = three
    commit(broker, group, {(topic, 0): 4})
    command = [str(BINARY), "group", "describe", group, "--watch", "--interval", "0.1", "-b", broker.bootstrap]
    terminal, other_end = pty.openpty()
    fcntl.ioctl(other_end, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    before = termios.tcgetattr(other_end)
    shown = b""

    def has_shown(what):
        nonlocal shown
        if select.select([terminal], [], [], 0.1)[0]:
            shown += os.read(terminal, 1 << 16)
        return what(shown)

    with subprocess.Popen(command, stdin=other_end, stdout=other_end, stderr=other_end) as watching:
        wait_until(lambda: has_shown(lambda it: it.count(b"\x1b[H") >= 3), lambda: shown)
        frames = shown.split(b"\x1b[H")[1:3]
        assert all(frame.count(group.encode()) >= 1 and b"\x1b[K" in frame for frame in frames), frames
        assert b"\x1b[2J" not in shown, "it flickers"
        assert max(frame.count(b"\n") for frame in frames) < 24, "it scrolls"
        watching.send_signal(signal.SIGINT)
        assert watching.wait(SECONDS) == 0, shown
    wait_until(lambda: has_shown(lambda it: it.endswith(b"\r\x1b[K")), lambda: shown[-100:])
    assert termios.tcgetattr(other_end) == before
    os.close(other_end)
    os.close(terminal)


@pytest.mark.parametrize("verb", ["describe", "members", "history", "export", "delete"])
def test_groups_that_do_not_exist_are_told(refused, verb):
    assert "no-such-group" in refused("group", verb, "no-such-group")


def test_wrong_commands_are_usage_errors(refused, group):
    for arguments in (
        ["describe"],
        ["describe", "--all", group],
        ["describe", group, "--interval", "0"],
        ["members"],
        ["history"],
        ["export"],
        ["import"],
        ["delete"],
        ["delete-offsets", group],
        ["delete-offsets", group, "--topic", "t:x"],
        ["reset", group],
        ["reset", group, "--to-beginning"],
        ["reset", group, "--to-beginning", "--to-end", "--all-topics"],
        ["reset", group, "--to-beginning", "--all-topics", "--topic", "t"],
        ["reset", group, "--to-offset", "-1", "--topic", "t"],
        ["reset", group, "--to-time", "soon", "--topic", "t"],
        ["reset", group, "--by-duration", "a while", "--topic", "t"],
        ["reset", group, "--to-end", "--topic", "t:3-1"],
    ):
        refused("group", *arguments, status=USAGE_ERROR)


# Moving offsets.


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--to-beginning"], [0, 0, 0]),
        (["--to-end"], [10, 10, 10]),
        (["--to-offset", "3"], [3, 3, 3]),
        (["--to-offset", "99"], [10, 10, 10]),
        (["--shift-by", "2"], [6, 10, None]),
        (["--shift-by", "-3"], [1, 7, None]),
        (["--to-current"], [4, 10, None]),
    ],
)
def test_reset_moves_offsets(broker, martlet, group, three, options, expected):
    topic, _ = three
    before = {(topic, 0): 4, (topic, 1): 10}
    commit(broker, group, before)
    plan = json.loads(martlet("group", "reset", group, *options, "--topic", topic, "--json"))
    assert plan["executed"] is False
    assert [one["before"] for one in plan["partitions"]] == [4, 10, None]
    assert [one["after"] for one in plan["partitions"]] == expected
    assert committed(broker, group) == before, "a dry run changed something"
    assert b"dry run" in martlet("group", "reset", group, *options, "--topic", topic)
    done = json.loads(martlet("group", "reset", group, *options, "--topic", topic, "--execute", "--json"))
    assert done["executed"] is True
    assert [one["after"] for one in done["partitions"]] == expected
    after = {(topic, number): offset for number, offset in enumerate(expected) if offset is not None}
    assert committed(broker, group) == before | after


def test_reset_to_times(broker, martlet, group, three):
    topic, newest = three
    for options, expected in (
        (["--to-time", str(newest - 2000)], 7),
        (["--to-time", "2000-01-01"], 0),
        (["--to-time", "2999-12-31T00:00Z"], 10),
        (["--by-duration", "PT30M"], 10),
        (["--by-duration", "2h"], 0),
    ):
        martlet("group", "reset", group, *options, "--topic", f"{topic}:1", "--execute")
        assert committed(broker, group) == {(topic, 1): expected}, options


def test_reset_chooses_topics_and_partitions(broker, martlet, refused, group, three, make_topic):
    topic, _ = three
    other = make_topic()
    assert "committed nothing" in refused("group", "reset", group, "--to-end", "--all-topics")
    martlet("group", "reset", group, "--to-end", "--topic", f"{topic}:0,2", "--topic", other, "--execute")
    assert committed(broker, group) == {(topic, 0): 10, (topic, 2): 10, (other, 0): 0}
    martlet("group", "reset", group, "--to-beginning", "--all-topics", "--execute")
    assert committed(broker, group) == {(topic, 0): 0, (topic, 2): 0, (other, 0): 0}
    assert "no partition 3" in refused("group", "reset", group, "--to-end", "--topic", f"{topic}:3")
    assert "no-such-topic" in refused("group", "reset", group, "--to-end", "--topic", "no-such-topic")
    assert committed(broker, group) == {(topic, 0): 0, (topic, 2): 0, (other, 0): 0}


def test_reset_is_refused_while_the_group_is_active(broker, martlet, refused, group, three):
    topic, _ = three
    with Reader(broker, topic, group):
        reason = refused("group", "reset", group, "--to-end", "--topic", topic, "--execute")
        (members,) = json.loads(martlet("group", "members", group, "--json"))
        for words in ("active", members["members"][0]["member_id"], "'reader'", "127.0.0.1"):
            assert words in reason
        dry = run_martlet("group", "reset", group, "--to-end", "--topic", topic, "-b", broker.bootstrap)
        assert dry.returncode == 0 and b"would be refused" in dry.stderr
        assert "has members" in refused("group", "delete", group)
        reason = refused("group", "import", "-", "--group", group, "--execute", stdin=f"{topic},0,1\n".encode())
        assert "active" in reason
        assert committed(broker, group) == {}
    martlet("group", "reset", group, "--to-end", "--topic", topic, "--execute")
    assert committed(broker, group) == {(topic, number): 10 for number in range(3)}


def test_offsets_reset_here_are_read_by_kafka_python_and_the_reverse(broker, martlet, group, three):
    topic, _ = three
    partition = TopicPartition(topic, 1)
    martlet("group", "reset", group, "--to-offset", "6", "--topic", f"{topic}:1", "--execute")
    admin = kafka.KafkaAdminClient(bootstrap_servers=broker.bootstrap)
    try:
        found = admin.list_group_offsets(group)
        found = found.get(group, found)
        assert found[partition].offset == 6
        admin.alter_group_offsets(group, {partition: OffsetAndMetadata(2, "from afar", -1)})
    finally:
        admin.close()
    (one,) = described(martlet, group)["partitions"]
    assert (one["committed_offset"], one["metadata"], one["lag"]) == (2, "from afar", 8)
    consumer = kafka.KafkaConsumer(
        topic, bootstrap_servers=broker.bootstrap, group_id=group, auto_offset_reset="latest", consumer_timeout_ms=10000
    )
    try:
        assert next(consumer).value == b"1:2"
    finally:
        consumer.close()


# Files.


def test_export_and_import(broker, martlet, refused, group, three, tmp_path):
    topic, _ = three
    commit(broker, group, {(topic, 0): 4, (topic, 1): 10})
    lines = list(csv.reader(io.StringIO(martlet("group", "export", group).decode())))
    assert lines == [[topic, "0", "4"], [topic, "1", "10"]], "not what Kafka's tools read"
    file = tmp_path / "offsets.csv"
    file.write_bytes(martlet("group", "export", group))
    copy = group + "-copy"
    assert "--group" in refused("group", "import", file)
    assert b"dry run" in martlet("group", "import", file, "--group", copy)
    assert committed(broker, copy) == {}
    martlet("group", "import", file, "--group", copy, "--execute")
    assert committed(broker, copy) == {(topic, 0): 4, (topic, 1): 10}
    # As JSON, with what belongs to the commits, and several groups in one file.
    both = martlet("group", "export", group, copy, "--json")
    assert json.loads(both)[0]["offsets"][0]["metadata"] == "by hand"
    for one in (group, copy):
        martlet("group", "reset", one, "--to-beginning", "--all-topics", "--execute")
    martlet("group", "import", "-", "--execute", stdin=both)
    for one in (group, copy):
        assert committed(broker, one) == {(topic, 0): 4, (topic, 1): 10}
    assert described(martlet, group)["partitions"][0]["metadata"] == "by hand"
    # Kafka's form for several groups.
    several = martlet("group", "export", group, copy)
    assert several.decode().splitlines()[0] == f'"{group}",{topic},0,4'
    martlet("group", "reset", copy, "--to-end", "--all-topics", "--execute")
    martlet("group", "import", "-", "--execute", stdin=several)
    assert committed(broker, copy) == {(topic, 0): 4, (topic, 1): 10}


def test_reset_from_a_file(broker, martlet, refused, group, three):
    topic, _ = three
    lines = f"{topic},0,3\n{topic},2,5\n".encode()
    martlet("group", "reset", group, "--from-file", "-", "--execute", stdin=lines)
    assert committed(broker, group) == {(topic, 0): 3, (topic, 2): 5}
    martlet("group", "reset", group, "--from-file", "-", "--topic", f"{topic}:2", "--execute", stdin=b"\n" + lines)
    assert "no offsets of group" in refused(
        "group", "reset", group, "--from-file", "-", stdin=f"another,{topic},0,3\n".encode()
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "no offsets"),
        (b"a,b\n", "line 1"),
        (b"t,0,1\nt,x,1\n", "line 2"),
        (b"t,0,-1\n", "offset"),
        (b"t,0,99999999999999999999\n", "offset"),
        (b"t,4294967296,1\n", "partition"),
        (b'"t,0,1\n', "quote"),
        (b"t,0,1\nt,0,2\n", "two offsets"),
        (b"\xff\xfe,0,1\n", "text"),
        (b"{", "line 1"),
        (b"[{}]", '"group"'),
        (b'[{"group":"g","offsets":[{"topic":"t","partition":0}]}]', "offset"),
        (b"[" * 100_000, "nested"),
    ],
)
def test_bad_files_are_refused(broker, refused, group, text, words):
    assert words in refused("group", "import", "-", "--group", group, "--execute", stdin=text)
    assert words in refused("group", "reset", group, "--from-file", "-", "--execute", stdin=text)
    assert committed(broker, group) == {}


def test_files_that_are_not_there_are_told(refused, group):
    assert "/no/such/file" in refused("group", "import", "/no/such/file", "--group", group, status=66)


# Deleting.


def test_delete_offsets_and_groups(broker, martlet, refused, group, three, make_topic):
    topic, _ = three
    other = make_topic()
    commit(broker, group, {(topic, 0): 4, (topic, 1): 10, (other, 0): 0})
    assert "nothing there" in refused("group", "delete-offsets", group, "--topic", f"{topic}:2")
    martlet("group", "delete-offsets", group, "--topic", f"{topic}:1", "--topic", other)
    assert committed(broker, group) == {(topic, 0): 4}
    with Reader(broker, topic, group):
        reason = refused("group", "delete-offsets", group, "--topic", topic)
        assert "read the topic" in reason
        assert committed(broker, group) == {(topic, 0): 4}
    (gone,) = json.loads(martlet("group", "delete", group, "--json"))
    assert gone == {"group": group, "deleted": True}
    assert committed(broker, group) == {}
    refused("group", "delete", group)
    martlet("group", "delete", group, "--if-exists")


def test_help_has_examples(broker):
    for verb in ("list", "describe", "members", "history", "reset", "export", "import", "delete", "delete-offsets"):
        done = run_martlet("group", verb, "--help", environment={"COLUMNS": "120", **os.environ})
        assert done.returncode == 0
        assert f"martlet group {verb}".encode() in done.stdout
        assert b"Examples:" in done.stdout


# Being a member.


def test_consume_goes_on_where_the_group_has_come_to(broker, martlet, group, three):
    topic, _ = three
    first = run_martlet("consume", topic, "-g", group, "--from", "beginning", "-c", "7", "-b", broker.bootstrap)
    assert first.returncode == 0, first
    assert len(first.stdout.splitlines()) == 7
    assert sum(committed(broker, group).values()) == 7, "not what was written was committed"
    assert f"assigned {topic}:0-2".encode() in first.stderr
    assert f"revoked {topic}:0-2".encode() in first.stderr
    report = described(martlet, group)
    # One partition is not finished, and in the others nothing is committed yet.
    assert (report["state"], report["lag"]) == ("Empty", 3), "it did not leave"
    # --from counts only where nothing is committed.
    with Consuming(broker, group, topic, "--from", "beginning") as second:
        second.wait(lambda it: len(it.lines) == 23)
        second.stop()
    assert sorted(first.stdout.decode().splitlines() + second.values) == all_values(3, 10)
    assert described(martlet, group)["lag"] == 0


def test_a_member_that_is_killed_is_replaced_and_nothing_is_skipped(broker, martlet, group, make_topic):
    topic = make_topic(partitions=4)
    options = ["--from", "beginning", "--assignor", "cooperative-sticky", "--session-timeout", "6"]
    with (
        Consuming(broker, group, topic, *options) as first,
        Consuming(broker, group, topic, *options) as second,
        wire.connect(broker) as connection,
    ):
        wait_until(lambda: first.told and second.told and has_settled(martlet, group, 2))
        for number in range(2):
            for partition in range(4):
                batch = batches.batch([(None, b"%d:%d" % (partition, number * 10 + one)) for one in range(10)])
                assert wire.produce(connection, topic, batch, partition=partition).error_code == 0
            if number == 0:
                first.wait(lambda it: len(it.lines) == 20)
                second.wait(lambda it: len(it.lines) == 20)
                first.process.send_signal(signal.SIGKILL)
                first.process.wait()
        # The session is over after a while; then the other reads on where the first has committed.
        wait_until(lambda: len(set(first.values + second.values)) == 80, lambda: second.told)
        assert sorted(set(first.values + second.values)) == all_values(4, 20)
        assert len(second.values) == len(set(second.values))
        second.stop()
    assert described(martlet, group)["lag"] == 0


def test_leaving_lets_others_read_on_at_once(broker, martlet, group, three):
    topic, _ = three
    for number in (signal.SIGINT, signal.SIGTERM):
        with Consuming(broker, group, topic, "--from", "beginning") as one:
            one.wait(lambda it: it.told)
            began = time.monotonic()
            one.stop(number)
            assert time.monotonic() - began < SECONDS / 2
        assert described(martlet, group)["members"] == 0
    with Consuming(broker, group, topic) as after:
        began = time.monotonic()
        after.wait(lambda it: it.told)
        # Far less than the session of a member that did not leave.
        assert time.monotonic() - began < 10


def test_members_of_the_newer_protocol_share_with_those_of_confluent(broker, martlet, group, make_topic):
    topic = make_topic(partitions=6)
    values = []
    stop = threading.Event()

    def read_with_confluent():
        reader = confluent_kafka.Consumer(
            {
                "bootstrap.servers": broker.bootstrap,
                "group.id": group,
                "group.protocol": "consumer",
                "auto.offset.reset": "earliest",
            }
        )
        reader.subscribe([topic])
        while not stop.is_set():
            message = reader.poll(0.1)
            if message is not None and not message.error():
                values.append(message.value().decode())
        reader.close()

    with Consuming(broker, group, topic, "--protocol", "consumer", "--from", "beginning") as ours:
        ours.wait(lambda it: any("assigned" in line for line in it.told))
        other = threading.Thread(target=read_with_confluent)
        other.start()
        try:
            wait_until(lambda: has_settled(martlet, group, 2), lambda: ours.told)
            (members,) = json.loads(martlet("group", "members", group, "--json"))
            assert members["type"] == "consumer"
            assert [len(member["partitions"]) for member in members["members"]] == [3, 3]
            with wire.connect(broker) as connection:
                for partition in range(6):
                    batch = batches.batch([(None, b"%d:%d" % (partition, number)) for number in range(10)])
                    assert wire.produce(connection, topic, batch, partition=partition).error_code == 0
            wait_until(lambda: len(ours.lines) + len(values) >= 60, lambda: (len(ours.lines), len(values), ours.told))
            assert sorted(ours.values + values) == all_values(6, 10)
            assert ours.lines and values
            assert described(martlet, group)["type"] == "consumer"
        finally:
            stop.set()
            other.join(SECONDS)
        wait_until(lambda: has_settled(martlet, group, 1), lambda: ours.told)
        ours.stop()
    report = described(martlet, group)
    assert (report["members"], report["lag"]) == (0, 0)
    # And the group goes on, by the other protocol.
    with wire.connect(broker) as connection:
        assert wire.produce(connection, topic, batches.batch([(None, b"after")])).error_code == 0
    with Consuming(broker, group, topic, "--protocol", "classic") as after:
        after.wait(lambda it: it.values == ["after"])
        after.stop()


def test_patterns_and_static_members_of_the_newer_protocol(broker, martlet, group, make_topic):
    first, second = make_topic(), make_topic()
    prefix = first.rsplit("-", 1)[0]
    with wire.connect(broker) as connection:
        for topic in (first, second):
            payload = batches.batch([(None, topic.encode())])
            assert wire.produce(connection, topic, payload).error_code == 0
    options = ["--protocol", "consumer", "--pattern", prefix + "-[0-9]+", "--from", "beginning", "--instance-id", "one"]
    with Consuming(broker, group, *options) as one:
        one.wait(lambda it: len(it.lines) == 2)
        assert sorted(one.values) == sorted([first, second])
        one.stop()
    assert committed(broker, group) == {(first, 0): 1, (second, 0): 1}
    (members,) = json.loads(martlet("group", "members", group, "--json"))
    assert [one["instance_id"] for one in members["members"]] == ["one"], "a static member's place is kept"


def test_history_says_who_why_how_long_and_what_moved(broker, martlet, group, three):
    topic, _ = three
    with Consuming(broker, group, topic, "--from", "beginning") as first:
        first.wait(lambda it: it.told)
        with Consuming(broker, group, topic, "--from", "beginning") as second:
            wait_until(lambda: has_settled(martlet, group, 2), lambda: (first.told, second.told))
            second.stop()
        wait_until(lambda: has_settled(martlet, group, 1), lambda: first.told)
        (history,) = json.loads(martlet("group", "history", group, "--json"))
        rebalances = history["rebalances"]
        assert [one["members_after"] for one in rebalances] == [1, 2, 1]
        assert [one["generation"] for one in rebalances] == sorted({one["generation"] for one in rebalances})
        assert rebalances[0]["partitions_moved"] == 3
        assert 0 < rebalances[1]["partitions_moved"] < 3
        assert rebalances[2]["client_reason"] == "the consumer is being closed"
        for one in rebalances:
            assert (one["client_id"], one["host"]) == ("martlet-cli", "127.0.0.1")
            assert one["cause"]
            assert 0 <= one["seconds"] < SECONDS
            assert abs(one["began"] / 1000 - time.time()) < 10 * SECONDS
        assert history["in_storm"] is False
        table = martlet("group", "history", group).decode()
        assert "the last 3 rebalances" in table and "the consumer is being closed" in table
        first.stop()


class Mock:
    """librdkafka's cluster in this process: the client must not merely agree with our own broker."""

    def __init__(self):
        self.producer = confluent_kafka.Producer({"bootstrap.servers": "-", "test.mock.num.brokers": 3})
        brokers = self.producer.list_topics(timeout=SECONDS).brokers.values()
        self.bootstrap = ",".join(f"{one.host}:{one.port}" for one in brokers)

    def fill(self, topic, partitions, count, start=0):
        for number in range(start, start + count):
            for partition in range(partitions):
                self.producer.produce(topic, value=f"{partition}:{number}", partition=partition)
        assert self.producer.flush(SECONDS) == 0

    def wait_for_commits(self, topic, partitions, offset):
        """It refuses commits during a rebalance, as Kafka does not; so they have to be there before."""
        places = [confluent_kafka.TopicPartition(topic, number) for number in range(partitions)]
        consumer = confluent_kafka.Consumer({"bootstrap.servers": self.bootstrap, "group.id": "g"})
        try:
            wait_until(lambda: {one.offset for one in consumer.committed(places, SECONDS)} == {offset})
        finally:
            consumer.close()


@pytest.mark.parametrize("assignor", ["range", "roundrobin"])
def test_members_of_an_independent_cluster_share_and_come_back(assignor):
    mock = Mock()
    # The mock cluster makes topics of four partitions.
    mock.fill("t", 4, 10)
    options = ["t", "--from", "beginning", "--assignor", assignor, "--session-timeout", "20"]
    with Consuming(mock, "g", *options) as first:
        first.wait(lambda it: len(it.lines) == 40)
        mock.wait_for_commits("t", 4, 10)
        with Consuming(mock, "g", *options) as second:
            first.wait(lambda it: sum("assigned" in line for line in it.told) >= 2)
            second.wait(lambda it: any("assigned t:" in line for line in it.told))
            mock.fill("t", 4, 10, start=10)
            wait_until(lambda: len(first.lines) + len(second.lines) >= 80, lambda: (first.told, second.told))
            assert sorted(first.values + second.values) == all_values(4, 20)
            assert second.lines
            mock.wait_for_commits("t", 4, 20)
            second.stop()
        first.stop()
    mock.fill("t", 4, 1, start=20)
    with Consuming(mock, "g", *options) as again:
        again.wait(lambda it: len(it.lines) >= 4)
        assert sorted(again.values) == sorted(f"{partition}:20" for partition in range(4)), "not where the group was"
        again.stop()


def test_patterns_find_topics(broker, martlet, group, make_topic):
    first, second = make_topic(), make_topic()
    prefix = first.rsplit("-", 1)[0]
    with wire.connect(broker) as connection:
        for topic in (first, second):
            payload = batches.batch([(None, topic.encode())])
            assert wire.produce(connection, topic, payload).error_code == 0
    with Consuming(broker, group, "--pattern", prefix + "-[0-9]+", "--from", "beginning") as one:
        one.wait(lambda it: len(it.lines) == 2)
        assert sorted(one.values) == sorted([first, second])
        one.stop()
    assert committed(broker, group) == {(first, 0): 1, (second, 0): 1}


def test_static_members_keep_their_partitions_while_they_restart(broker, martlet, group, three):
    topic, _ = three
    with Consuming(broker, group, topic, "--instance-id", "one", "--from", "beginning") as one:
        one.wait(lambda it: len(it.lines) == 30)
        one.stop()
    (members,) = json.loads(martlet("group", "members", group, "--json"))
    assert [one["instance_id"] for one in members["members"]] == ["one"]
    assert committed(broker, group) == {(topic, number): 10 for number in range(3)}
    with Consuming(broker, group, topic, "--instance-id", "one") as again:
        again.wait(lambda it: it.told)
        with Consuming(broker, group, topic, "--instance-id", "one") as impostor:
            impostor.wait(lambda it: it.told)
            # Who came later has the place; the earlier one is told why it has lost it.
            assert again.process.wait(SECONDS) == 1
            again.wait(lambda it: "FENCED_INSTANCE_ID" in "".join(it.told))


def test_consume_refuses_bad_input(refused, group):
    for arguments in (
        ["consume", "--group", group],
        ["consume", "t", "--group", ""],
        ["consume", "t", "--group", group, "--partition", "0"],
        ["consume", "t", "--group", group, "--protocol", "telepathy"],
        ["consume", "t", "--group", group, "--assignor", "fair"],
        ["consume", "t", "--group", group, "--session-timeout", "0"],
        ["consume", "t", "--group", group, "--protocol", "consumer", "--assignor", "range"],
        ["consume", "t", "--assignor", "range"],
        ["consume", "t", "--pattern", "x", "--group", group],
    ):
        refused(*arguments, status=USAGE_ERROR)
    assert "regular expression" in refused("consume", "--group", group, "--pattern", "(")
