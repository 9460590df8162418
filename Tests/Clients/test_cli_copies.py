"""`martlet topic copy`, `backup` and `restore`: what comes out is what went in, and what is damaged is refused."""

import json
import random
import subprocess
import tarfile

import pytest
from kafka.partitioner.default import murmur2

from harness import batches, clients, wire
from harness.broker import BINARY, run_martlet

EXIT_BAD_INPUT = 65


@pytest.fixture
def call(broker):
    """Runs a command and returns what came of it."""

    def run(*arguments, stdin=b"", status=0):
        done = run_martlet(*arguments, "-b", broker.bootstrap, stdin=stdin)
        assert done.returncode == status, done
        return done

    return run


@pytest.fixture
def filled(broker, make_topic, rng):
    """A topic of three partitions with records of every sort."""
    topic = make_topic(3, retention_ms=-1)
    messages = [
        clients.Message(
            number % 3,
            b"key-%d" % rng.randrange(200) if number % 10 else None,
            rng.randbytes(rng.randrange(300)) if number % 7 else None,
            (("n", b"%d" % number), ("null", None)) if number % 2 else (),
        )
        for number in range(3000)
    ]
    clients.Confluent.produce(broker.bootstrap, topic, messages, codec="lz4")
    return topic


def contents(broker, topic, partitions=3):
    return clients.Confluent.consume(broker.bootstrap, topic, partitions)


def described(call, topic):
    (one,) = json.loads(call("topic", "describe", topic, "--json").stdout)
    return {config["name"]: config["value"] for config in one["configs"]}


# Copies.


def test_a_copy_with_as_many_partitions_is_the_same(broker, filled, call):
    done = json.loads(call("topic", "copy", filled, filled + "-copy", "--json").stdout)
    assert (done["records"], done["source_partitions"], done["target_partitions"]) == (3000, 3, 3)
    assert done["by_key"] is False
    assert contents(broker, filled) == contents(broker, filled + "-copy")
    assert described(call, filled + "-copy") == described(call, filled) == {"retention.ms": "-1"}


def test_a_copy_with_other_partitions_is_by_key(broker, filled, call):
    target = filled + "-wide"
    done = json.loads(call("topic", "copy", filled, target, "--partitions", "7", "--json").stdout)
    assert (done["records"], done["target_partitions"], done["by_key"]) == (3000, 7, True)
    before, after = contents(broker, filled), contents(broker, target, 7)

    def without_offset(records):
        return [(one.timestamp, one.key, one.value, one.headers) for one in records]

    def everything(partitions):
        return sorted(map(repr, (one for records in partitions.values() for one in without_offset(records))))

    assert everything(before) == everything(after)
    for partition, records in after.items():
        for record in records:
            if record.key is not None:
                assert (murmur2(record.key) & 0x7FFFFFFF) % 7 == partition
    # In the old topic a key may be in several partitions; of each of them the order is kept.
    for old in before.values():
        for key in {record.key for record in old if record.key is not None}:
            own = [one for one in without_offset(old) if one[1] == key]
            new = [one for records in after.values() for one in without_offset(records) if one[1] == key]
            position = iter(new)
            assert all(one in position for one in own)


def test_a_topic_with_records_is_not_written_to_unless_asked(broker, filled, call):
    call("topic", "copy", filled, filled + "-copy")
    refused = call("topic", "copy", filled, filled + "-copy", status=1)
    assert b"3000 records already" in refused.stderr
    refused = call("topic", "copy", filled, filled + "-copy", "--partitions", "5", "--append", status=1)
    assert b"3 partitions, not 5" in refused.stderr
    call("topic", "copy", filled, filled + "-copy", "--append")
    assert sum(map(len, contents(broker, filled + "-copy").values())) == 6000


def test_old_records_survive_the_copy_of_a_topic_that_keeps_little(broker, make_topic, call):
    """The copy's own retention comes when it is complete, not while it is made."""
    topic = make_topic(1, retention_ms=600_000, message_timestamp_type="CreateTime")
    with wire.connect(broker) as connection:
        payload = batches.batch([(None, b"fresh")], timestamp=batches.now())
        assert wire.produce(connection, topic, payload).error_code == 0
    call("topic", "copy", topic, topic + "-copy")
    assert described(call, topic + "-copy") == described(call, topic)
    assert call("consume", topic + "-copy", "-e").stdout == b"fresh\n"


def test_times_are_kept_where_the_broker_stamps_records(broker, make_topic, call):
    topic = make_topic(1, message_timestamp_type="LogAppendTime")
    call("produce", topic, stdin=b"a\nb\n")
    times = call("consume", topic, "-e", "-f", r"%T\n").stdout
    call("topic", "copy", topic, topic + "-copy")
    assert call("consume", topic + "-copy", "-e", "-f", r"%T\n").stdout == times
    assert described(call, topic + "-copy") == {"message.timestamp.type": "LogAppendTime"}


def test_copying_what_is_not_there(call, topic_name):
    assert topic_name.encode() in call("topic", "copy", topic_name, topic_name + "-copy", status=1).stderr


def test_a_copy_into_another_cluster(filled, broker, call, start_broker):
    other = start_broker()
    call("topic", "copy", filled, "copy", "--target-bootstrap", other.bootstrap)
    assert contents(broker, filled) == contents(other, "copy")


# Backups.


@pytest.mark.parametrize("kind", ["directory", "archive", "pipe"])
def test_a_backup_is_restored_as_it_was(broker, filled, call, tmp_path, kind):
    path = tmp_path / ("backup" if kind == "directory" else "backup.tar")
    if kind == "pipe":
        path.write_bytes(call("topic", "backup", filled, "-").stdout)
    else:
        assert b"3,000 records" in call("topic", "backup", filled, path).stdout
    done = json.loads(call("topic", "restore", path, filled + "-restored", "--json").stdout)
    assert done["records"] == 3000 and all(one["offsets_kept"] for one in done["partitions"])
    assert contents(broker, filled) == contents(broker, filled + "-restored")
    assert described(call, filled + "-restored") == described(call, filled)


def test_an_archive_is_a_tar_archive(filled, call, tmp_path):
    call("topic", "backup", filled, tmp_path / "a.tar")
    call("topic", "backup", filled, tmp_path / "a")
    with tarfile.open(tmp_path / "a.tar") as archive:
        archive.extractall(tmp_path / "extracted", filter="data")
    for name in ("0/00000000000000000000.log", "2/00000000000000000000.log"):
        assert (tmp_path / "extracted" / name).read_bytes() == (tmp_path / "a" / name).read_bytes()
    assert call("topic", "restore", tmp_path / "extracted", "--check").returncode == 0
    # And what it holds are Kafka's own batches.
    found = batches.split((tmp_path / "a/0/00000000000000000000.log").read_bytes())
    assert sum(batch.count for batch in found) == 1000
    dumped = run_martlet("log", "dump", tmp_path / "a/0/00000000000000000000.log", "--records")
    assert dumped.returncode == 0, dumped


def test_gaps_are_told_and_committed_offsets_are_translated(broker, make_topic, call, tmp_path):
    topic = make_topic(1)
    with wire.connect(broker) as connection:
        for number in range(10):
            payload = batches.batch([(b"k", b"%d" % number)], timestamp=batches.now())
            assert wire.produce(connection, topic, payload).error_code == 0
    call("topic", "trim", topic, "--partition", "0", "--offset", "4")
    group = topic + "-group"
    offsets = tmp_path / "offsets"
    offsets.write_text(f"{topic},0,7\n", encoding="utf-8")
    call("group", "import", offsets, "--group", group, "--execute")
    call("topic", "backup", topic, tmp_path / "a.tar", "--groups")
    restored = topic + "-restored"
    done = call("topic", "restore", tmp_path / "a.tar", restored, "--groups")
    assert b"offsets changed: 4-9 now from 0" in done.stdout and group.encode() in done.stdout
    assert call("consume", restored, "-e").stdout == b"4\n5\n6\n7\n8\n9\n"
    exported = call("group", "export", group).stdout.decode()
    assert f"{restored},0,3" in exported
    # A consumer of the group goes on with the record it would have read next.
    assert call("consume", restored, "--group", group, "-c", "1").stdout == b"7\n"


def test_the_topic_must_not_exist(filled, call, tmp_path):
    call("topic", "backup", filled, tmp_path / "a.tar")
    assert b"exists already" in call("topic", "restore", tmp_path / "a.tar", status=1).stderr
    assert b"exists already" in call("topic", "backup", filled, tmp_path / "a.tar", status=1).stderr


@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "missing", "nonsense"])
def test_a_damaged_backup_is_refused_before_anything_is_written(filled, call, tmp_path, damage):
    path = tmp_path / "a.tar"
    call("topic", "backup", filled, path)
    whole = path.read_bytes()
    spot = random.Random(7).randrange(3000, whole.index(b"manifest.crc32c"))
    damaged = {
        "cut": whole[: len(whole) // 2],
        "flip": whole[:spot] + bytes([whole[spot] ^ 1]) + whole[spot + 1 :],
        "empty": b"",
        "missing": None,
        "nonsense": b"nonsense" * 1000,
    }[damage]
    path.unlink()
    if damaged is not None:
        path.write_bytes(damaged)
    refused = call("topic", "restore", path, filled + "-restored", status=EXIT_BAD_INPUT)
    assert b"nothing was written" in refused.stderr
    call("topic", "restore", path, "--check", status=EXIT_BAD_INPUT)
    assert filled + "-restored" not in call("topic", "list").stdout.decode()


def test_an_empty_topic_is_backed_up_too(make_topic, call, tmp_path):
    topic = make_topic(4, cleanup_policy="compact")
    call("topic", "backup", topic, tmp_path / "a.tar")
    call("topic", "restore", tmp_path / "a.tar", topic + "-restored")
    assert described(call, topic + "-restored") == {"cleanup.policy": "compact"}


def test_an_archive_is_not_for_a_terminal(broker, filled):
    command = f"{BINARY} topic backup {filled} - -b {broker.bootstrap}"
    seen = subprocess.run(["script", "-qec", command, "/dev/null"], capture_output=True, check=False, timeout=60)
    assert b"redirect" in seen.stdout
