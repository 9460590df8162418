"""The command line: everything one does with a broker, with no other tool."""

import json
import os
import signal
import subprocess
import threading

import pytest

from harness import batches, clients, wire
from harness.broker import BINARY, run_martlet

USAGE_ERROR = 64


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

    def call(*arguments, stdin=b""):
        done = run_martlet(*arguments, "-b", broker.bootstrap, stdin=stdin)
        assert done.returncode not in (0, -4, -5, -6, -11), done
        reason = done.stderr.decode()
        assert reason.strip(), "it does not say why"
        return reason

    return call


def as_json(output):
    return json.loads(output)


def as_json_lines(output):
    return [json.loads(line) for line in output.splitlines()]


# Topics.


def test_create_describe_list_delete(martlet, topic_name):
    made = as_json(
        martlet("topic", "create", topic_name, "--partitions", "3", "--config", "retention.ms=5000", "--json")
    )
    assert (made["name"], made["partitions"], made["created"]) == (topic_name, 3, True)
    (described,) = as_json(martlet("topic", "describe", topic_name, "--json"))
    assert described["id"] == made["id"]
    assert [one["partition"] for one in described["partitions"]] == [0, 1, 2]
    assert [(one["start_offset"], one["end_offset"]) for one in described["partitions"]] == [(0, 0)] * 3
    assert {one["name"]: one["value"] for one in described["configs"]} == {"retention.ms": "5000"}
    listed = as_json(martlet("topic", "list", "--json"))
    assert topic_name in [one["name"] for one in listed]
    (deleted,) = as_json(martlet("topic", "delete", topic_name, "--json"))
    assert deleted == {"name": topic_name, "deleted": True}
    assert topic_name not in [one["name"] for one in as_json(martlet("topic", "list", "--json"))]


def test_tables_for_people(martlet, topic_name):
    assert topic_name.encode() in martlet("topic", "create", topic_name)
    assert topic_name.encode() in martlet("topic", "list")
    described = martlet("topic", "describe", topic_name, "--all").decode()
    assert "retention.ms=604800000" in described
    assert topic_name in martlet("topic", "delete", topic_name).decode()


def test_create_refuses_and_says_why(martlet, refused, topic_name):
    martlet("topic", "create", topic_name)
    assert "exists" in refused("topic", "create", topic_name)
    again = as_json(martlet("topic", "create", topic_name, "--if-not-exists", "--json"))
    assert again["created"] is False
    other = topic_name + "-other"
    assert "a/b" in refused("topic", "create", "a/b")
    assert "retention.ms" in refused("topic", "create", other, "--config", "retention.sm=5")
    assert "soon" in refused("topic", "create", other, "--config", "retention.ms=soon")
    refused("topic", "create", other, "--partitions", "0")
    refused("topic", "create", other, "--replication-factor", "3")
    assert other not in [one["name"] for one in as_json(martlet("topic", "list", "--json"))]


def test_alter_and_go_back_to_the_default(martlet, refused, topic_name):
    martlet("topic", "create", topic_name)

    def configs():
        (described,) = as_json(martlet("topic", "describe", topic_name, "--json"))
        return {one["name"]: one["value"] for one in described["configs"]}

    martlet("topic", "alter", topic_name, "--set", "retention.ms=1", "--set", "cleanup.policy=compact,delete")
    assert configs() == {"retention.ms": "1", "cleanup.policy": "compact,delete"}
    martlet("topic", "alter", topic_name, "--delete", "retention.ms", "--json")
    assert configs() == {"cleanup.policy": "compact,delete"}
    refused("topic", "alter", topic_name, "--set", "retention.ms=soon")
    refused("topic", "alter", topic_name, "--set", "no.such.key=1")
    refused("topic", "alter", topic_name)
    refused("topic", "alter", topic_name + "-missing", "--set", "retention.ms=1")
    assert configs() == {"cleanup.policy": "compact,delete"}


def test_add_partitions(martlet, refused, topic_name):
    martlet("topic", "create", topic_name, "--partitions", "2")
    martlet("topic", "add-partitions", topic_name, "--partitions", "4")
    (described,) = as_json(martlet("topic", "describe", topic_name, "--json"))
    assert len(described["partitions"]) == 4
    refused("topic", "add-partitions", topic_name, "--partitions", "3")


def test_trim(martlet, refused, topic_name):
    martlet("topic", "create", topic_name, "--partitions", "1")
    martlet("produce", topic_name, stdin=b"a\nb\nc\nd\n")
    # One batch: the log begins inside it afterwards.
    martlet("topic", "trim", topic_name, "--partition", "0", "--offset", "2")
    (described,) = as_json(martlet("topic", "describe", topic_name, "--json"))
    assert described["partitions"][0]["start_offset"] == 2
    assert martlet("consume", topic_name, "--from", "beginning", "-e") == b"c\nd\n"
    refused("topic", "trim", topic_name, "--partition", "0", "--offset", "99")
    martlet("topic", "trim", topic_name, "--offset", "end")
    assert martlet("consume", topic_name, "--from", "beginning", "-e") == b""


def test_delete_of_what_is_not_there(martlet, refused, topic_name):
    assert topic_name in refused("topic", "delete", topic_name)
    martlet("topic", "delete", topic_name, "--if-exists")


# Produce and consume.


@pytest.mark.parametrize("codec", clients.CODECS)
def test_lines_in_lines_out(martlet, topic, codec):
    lines = b"".join(b"line %d \xff\xc3\xa4\n" % number for number in range(5000))
    martlet("produce", topic, "--compression", codec, stdin=lines)
    assert martlet("consume", topic, "--from", "beginning", "-e") == lines


def test_a_last_line_without_its_end_is_a_record_and_an_empty_line_too(martlet, topic):
    martlet("produce", topic, stdin=b"a\n\nb")
    assert martlet("consume", topic, "-e", "-f", "%S|%s\n") == b"1|a\n0|\n1|b\n"


def test_nothing_produces_nothing(martlet, topic):
    martlet("produce", topic, stdin=b"")
    assert martlet("consume", topic, "-e") == b""


def test_files_keys_headers_and_partition(martlet, make_topic, tmp_path):
    topic = make_topic(3)
    for name in ("one", "two"):
        (tmp_path / name).write_bytes(b"%s:1\nwithout\n" % name.encode())
    martlet(
        "produce", topic, tmp_path / "one", tmp_path / "two", "-K", ":", "-H", "a=1", "-H", "b=x=y", "--partition", "2"
    )
    output = martlet("consume", topic, "-e", "-f", r"%t %p %o %k/%K %s/%S [%h] %%\n", "--from", "beginning").decode()
    assert output.splitlines() == [
        f"{topic} 2 0 one/3 1/1 [a=1,b=x=y] %",
        f"{topic} 2 1 /-1 without/7 [a=1,b=x=y] %",
        f"{topic} 2 2 two/3 1/1 [a=1,b=x=y] %",
        f"{topic} 2 3 /-1 without/7 [a=1,b=x=y] %",
    ]


def test_keys_choose_the_partition_as_the_java_client_does(martlet, make_topic):
    from kafka.partitioner.default import murmur2

    topic = make_topic(6)
    keys = [f"key-{number}" for number in range(200)]
    martlet("produce", topic, "-K", ":", stdin="".join(f"{key}:v\n" for key in keys).encode())
    found = martlet("consume", topic, "-e", "-f", "%k %p\n").decode().split("\n")[:-1]
    expected = {f"{key} {(murmur2(key.encode()) & 0x7FFFFFFF) % 6}" for key in keys}
    assert set(found) == expected


@pytest.mark.parametrize("acks", ["0", "1", "all"])
def test_acks(martlet, topic, acks):
    martlet("produce", topic, "--acks", acks, stdin=b"a\nb\n")
    assert martlet("consume", topic, "--from", "beginning", "-c", "2") == b"a\nb\n"


def test_every_place_to_begin(martlet, broker, topic):
    start = batches.now() - 100_000
    with wire.connect(broker) as connection:
        for number in range(10):
            payload = batches.batch([(None, b"%d" % number)], timestamp=start + number * 1000)
            assert wire.produce(connection, topic, payload).error_code == 0

    def read(place, *more):
        return martlet("consume", topic, "--from", place, "-e", *more).decode().split()

    everything = [str(number) for number in range(10)]
    assert read("beginning") == everything
    assert read("7") == everything[7:]
    assert read("-3") == everything[-3:]
    assert read("-300") == everything
    assert read("end") == []
    assert read(f"@{start + 4500}") == everything[5:]
    assert read("@2001-01-31T12:00Z") == everything
    assert read("beginning", "-c", "2") == everything[:2]


def test_json_of_records(martlet, topic):
    martlet("produce", topic, "-K", ":", "-H", "h=1", stdin=b"k:text\n\xff\xfe:\xff\n")
    first, second = as_json_lines(martlet("consume", topic, "-e", "--json"))
    assert (first["topic"], first["partition"], first["offset"]) == (topic, 0, 0)
    assert (first["key"], first["value"]) == ("k", "text")
    assert first["headers"] == [{"name": "h", "value": "1"}]
    assert abs(first["timestamp"] - batches.now()) < 60_000
    assert (second["key_encoding"], second["value_encoding"]) == ("base64", "base64")
    assert (second["key"], second["value"]) == ("//4=", "/w==")


def test_several_topics_at_once(martlet, make_topic):
    one, two = make_topic(), make_topic()
    martlet("produce", one, stdin=b"1\n")
    martlet("produce", two, stdin=b"2\n")
    found = martlet("consume", one, two, "-e", "-f", "%t %s\n").decode().splitlines()
    assert sorted(found) == sorted([f"{one} 1", f"{two} 2"])


def test_a_summary_in_json(martlet, topic):
    summary = as_json(martlet("produce", topic, "--json", stdin=b"aaa\nbb\n"))
    assert (summary["topic"], summary["records"], summary["failed"]) == (topic, 2, 0)


def test_producing_to_a_new_topic_makes_it(martlet, topic_name):
    martlet("produce", topic_name, stdin=b"first\n")
    assert martlet("consume", topic_name, "-e") == b"first\n"


def test_what_cannot_be_delivered_fails_and_names_the_record(refused, make_topic):
    topic = make_topic(max_message_bytes=1000)
    reason = refused("produce", topic, stdin=b"x" * 5000 + b"\n")
    assert "1000" in reason or "MESSAGE_TOO_LARGE" in reason or "too large" in reason.lower()
    compacted = make_topic(cleanup_policy="compact")
    refused("produce", compacted, stdin=b"without a key\n")


def test_consuming_what_is_not_there(refused, topic, topic_name):
    assert topic_name + "-missing" in refused("consume", topic_name + "-missing", "-e")
    refused("consume", topic, "--from", "77", "-e")
    refused("consume", topic, "--partition", "9", "-e")


def test_a_reader_that_goes_away_is_no_error(broker, topic):
    clients.Confluent.produce(broker.bootstrap, topic, [clients.Message(0, b"k", b"x" * 1000)] * 5000)
    consume = subprocess.Popen(
        [BINARY, "consume", topic, "-e", "-b", broker.bootstrap], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    consume.stdout.readline()
    consume.stdout.close()
    assert consume.wait(30) == 0, consume.stderr.read()


def test_consuming_goes_on_until_it_is_interrupted(broker, martlet, topic):
    command = [BINARY, "consume", topic, "--from", "beginning", "-b", broker.bootstrap]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as consume:
        watchdog = threading.Timer(60, consume.kill)
        watchdog.start()
        for number in range(3):
            martlet("produce", topic, stdin=b"%d\n" % number)
            assert consume.stdout.readline() == b"%d\n" % number
        consume.send_signal(signal.SIGINT)
        assert consume.wait(30) == 0
        watchdog.cancel()


def test_producing_line_by_line_delivers_each_at_once(broker, topic):
    command = [BINARY, "produce", topic, "-b", broker.bootstrap]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL) as produce:
        with wire.connect(broker) as connection:
            for number in range(3):
                produce.stdin.write(b"%d\n" % number)
                produce.stdin.flush()
                _, found = wire.fetch(connection, topic, number, max_wait=30_000, min_bytes=1)
                assert found and found[0].records[0].value == b"%d" % number
        produce.stdin.close()
        assert produce.wait(30) == 0


# The rest.


def test_the_broker_may_come_from_the_environment(broker, topic_name):
    done = run_martlet("topic", "create", topic_name, environment={"MARTLET_BOOTSTRAP": broker.bootstrap})
    assert done.returncode == 0, done
    # An option wins over it.
    done = run_martlet("topic", "list", "-b", broker.bootstrap, environment={"MARTLET_BOOTSTRAP": "127.0.0.1:1"})
    assert done.returncode == 0, done


def test_no_broker_there_is_said_soon_and_plainly():
    done = run_martlet("topic", "list", "-b", "127.0.0.1:1", timeout=50)
    assert done.returncode == 69
    reason = done.stderr.decode()
    assert "127.0.0.1:1" in reason
    assert len(reason.splitlines()) <= 3


def test_something_else_on_that_port_is_said_plainly():
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(30)

        def answer():
            try:
                while True:
                    with listener.accept()[0] as connection:
                        connection.recv(1000)
                        connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
            except OSError:
                pass

        threading.Thread(target=answer, daemon=True).start()
        done = run_martlet("topic", "list", "-b", f"127.0.0.1:{listener.getsockname()[1]}", timeout=50)
    assert done.returncode == 76
    assert done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["topic"],
        ["topic", "create"],
        ["produce"],
        ["consume"],
        ["consume", "t", "--from", "yesterday"],
        ["consume", "t", "-f", "%q"],
        ["produce", "t", "--compression", "rar"],
        ["topic", "create", "t", "--config", "novalue"],
    ],
)
def test_wrong_usage_is_explained(arguments):
    done = run_martlet(*arguments)
    if arguments == ["topic"]:
        assert done.stdout + done.stderr
        return
    assert done.returncode == USAGE_ERROR, done
    assert b"Usage:" in done.stderr


def test_help_and_version_and_completions():
    for arguments in (["--help"], ["serve", "--help"], ["topic", "create", "--help"], ["consume", "--help"]):
        done = run_martlet(*arguments)
        assert (done.returncode, b"USAGE" in done.stdout) == (0, True)
    assert run_martlet("--version").stdout.strip()
    for shell in ("bash", "zsh", "fish"):
        done = run_martlet("--generate-completion-script", shell)
        assert done.returncode == 0 and b"martlet" in done.stdout


def test_bash_accepts_the_completion_script(tmp_path):
    script = tmp_path / "completion"
    script.write_bytes(run_martlet("--generate-completion-script", "bash").stdout)
    done = subprocess.run(["bash", "-n", script], capture_output=True, check=False, env=os.environ)
    assert done.returncode == 0, done.stderr
