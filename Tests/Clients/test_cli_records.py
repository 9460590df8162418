"""What `martlet produce` and `martlet consume` make of records, next to kcat where it has the same letters."""

import json
import signal
import subprocess
import threading
import time

import pytest

from harness import batches, clients, wire
from harness.broker import BINARY, run_martlet

EXIT_BAD_INPUT = 65
BASE_TIME = 1_700_000_000_000


@pytest.fixture
def call(broker):
    """Runs a command and returns what came of it."""

    def run(*arguments, stdin=b"", status=0):
        done = run_martlet(*arguments, "-b", broker.bootstrap, stdin=stdin)
        assert done.returncode == status, done
        return done

    return run


def kcat(broker, topic, template, *more):
    command = ["kcat", "-C", "-b", broker.bootstrap, "-t", topic, "-e", "-q", "-f", template, *more]
    return clients.run(command)


def fill(broker, topic, count=10, partition=0):
    """Records `0`, `1`, … with keys `k0`, …, a second apart."""
    with wire.connect(broker) as connection:
        for number in range(count):
            payload = batches.batch([(b"k%d" % number, b"%d" % number)], timestamp=BASE_TIME + number * 1000)
            assert wire.produce(connection, topic, payload, partition=partition).error_code == 0


# Formats.


@pytest.mark.parametrize(
    "template",
    [
        r"%t [%p] %o: %k=%s\n",
        r"%K %S %T\n",
        r"%h|%s\n",
        r"%R%s",
        r"%%%s%%\x41\t\n",
        r"%k\x02%s\x01",
    ],
)
def test_format_letters_are_kcats_byte_for_byte(broker, topic, call, template):
    messages = [
        clients.Message(0, b"key", b"value", (("a", b"1"), ("b", b""), ("c", None), ("a", b"2"))),
        clients.Message(0, None, None),
        clients.Message(0, b"", b""),
        clients.Message(0, b"\xff\x00", b"\x00\x01\xfe\n"),
        clients.Message(0, "schlüssel".encode(), "grüße".encode(), (("ü", "ä".encode()),)),
    ]
    clients.Confluent.produce(broker.bootstrap, topic, messages)
    assert call("consume", topic, "-e", "-f", template).stdout == kcat(broker, topic, template, "-o", "beginning")


def test_base64_keeps_every_byte(broker, topic, call):
    clients.Confluent.produce(
        broker.bootstrap, topic, [clients.Message(0, b"\xff\xfe", b"\n\0text", (("h", b"\x80"),))]
    )
    assert call("consume", topic, "-e", "--base64").stdout == b"CgB0ZXh0\n"
    assert call("consume", topic, "-e", "--base64", "-f", r"%k %s %h %S\n").stdout == b"//4= CgB0ZXh0 h=gA== 6\n"
    record = json.loads(call("consume", topic, "-e", "--base64", "--json").stdout)
    assert (record["value"], record["value_encoding"]) == ("CgB0ZXh0", "base64")


def test_json_goes_round(broker, make_topic, call):
    source, target = make_topic(3), make_topic(3)
    messages = [
        clients.Message(number % 3, b"k\xff%d" % number, b"v%d" % number, (("h", b"\x80"), ("n", None)))
        for number in range(50)
    ]
    messages += [clients.Message(1, None, None), clients.Message(2, b"", b"")]
    clients.Confluent.produce(broker.bootstrap, source, messages)
    lines = call("consume", source, "-e", "--json").stdout
    call("produce", target, "--input", "json", stdin=lines)
    first, second = (clients.Confluent.consume(broker.bootstrap, name, 3) for name in (source, target))
    assert first == second


def test_a_format_goes_round(broker, make_topic, call):
    source, target = make_topic(2), make_topic(2)
    fill(broker, source, 5, partition=0)
    fill(broker, source, 5, partition=1)
    template = r"%t/%p/%o/%T/%k/%s\n"
    lines = call("consume", source, "-e", "-f", template).stdout
    call("produce", target, "-f", template.removesuffix(r"\n"), stdin=lines)
    first, second = (clients.Confluent.consume(broker.bootstrap, name, 2) for name in (source, target))
    assert first == second


# Where to begin and to end.


def test_offsets_and_until(broker, topic, call):
    fill(broker, topic)

    def read(*arguments):
        return call("consume", topic, *arguments).stdout.decode().split()

    everything = [str(number) for number in range(10)]
    assert read("--offsets", "2..4") == everything[2:5]
    assert read("--offsets", "7..") == everything[7:]
    assert read("--offsets", "..2") == everything[:3]
    assert read("--offsets", "5") == ["5"]
    assert read("--offsets", "8..500") == everything[8:]
    assert read("--offsets", "500..600") == []
    assert read("--until", "3") == everything[:3]
    assert read("--until", "end") == everything
    assert read("--until", f"@{BASE_TIME + 4500}") == everything[:5]
    assert read("--from", "2", "--until", f"@{BASE_TIME + 4000}") == everything[2:4]
    assert read("--from", f"@{BASE_TIME + 3000}", "--until", "2023-11-14T22:13:25Z") == everything[3:5]
    assert read("--until", "2030-01-01", "-e") == everything
    assert read("--offsets", "0..9", "-c", "2") == everything[:2]


def test_ranges_pass_gaps_and_are_of_each_partition(broker, make_topic, call):
    topic = make_topic(2)
    fill(broker, topic, 5, partition=0)
    fill(broker, topic, 8, partition=1)
    call("topic", "trim", topic, "--partition", "1", "--offset", "6")
    lines = call("consume", topic, "--offsets", "3..6", "-f", r"%p %o\n").stdout.decode().splitlines()
    assert sorted(lines) == ["0 3", "0 4", "1 6"]


def test_until_an_offset_to_come(broker, topic, call):
    fill(broker, topic, 2)
    command = [BINARY, "consume", topic, "--until", "3", "-b", broker.bootstrap]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as consume:
        watchdog = threading.Timer(60, consume.kill)
        watchdog.start()
        assert consume.stdout.readline() + consume.stdout.readline() == b"0\n1\n"
        fill(broker, topic, 2)
        assert consume.stdout.read() == b"0\n"
        assert consume.wait() == 0
        watchdog.cancel()


def test_until_a_time_to_come(broker, topic):
    fill(broker, topic, 2)
    soon = int(time.time() * 1000) + 1500
    done = run_martlet("consume", topic, "--until", f"@{soon}", "-b", broker.bootstrap, timeout=30)
    assert done.returncode == 0 and done.stdout == b"0\n1\n"
    assert time.time() * 1000 >= soon


def test_following_goes_on(broker, topic, call):
    fill(broker, topic, 3)
    command = [BINARY, "consume", topic, "--offsets", "1..", "--follow", "-b", broker.bootstrap]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as consume:
        watchdog = threading.Timer(60, consume.kill)
        watchdog.start()
        assert consume.stdout.readline() + consume.stdout.readline() == b"1\n2\n"
        fill(broker, topic, 1)
        assert consume.stdout.readline() == b"0\n"
        consume.send_signal(signal.SIGINT)
        assert consume.wait(30) == 0
        watchdog.cancel()


def test_a_pattern_without_a_group(broker, make_topic, call):
    one, two = make_topic(), make_topic()
    fill(broker, one, 1)
    fill(broker, two, 1)
    prefix = one.rsplit("-", 1)[0]
    lines = call("consume", "--pattern", prefix + "-.*", "-e", "-f", r"%t\n").stdout.decode().split()
    assert sorted(lines) == sorted([one, two])
    assert call("consume", "--pattern", prefix, "-e", status=1).stderr


# Which records.


def test_grep(broker, topic, call):
    messages = [
        clients.Message(
            0, b"user-%d" % (number % 3), b"amount %d EUR" % number, (("region", b"eu" if number % 2 else b"us"),)
        )
        for number in range(30)
    ]
    clients.Confluent.produce(broker.bootstrap, topic, messages)

    def offsets(*arguments):
        return [int(one) for one in call("consume", topic, "-e", "-f", r"%o\n", *arguments).stdout.split()]

    assert offsets("--grep", "amount 7 ") == [7]
    assert offsets("--grep", "^amount 1[0-3] EUR$") == [10, 11, 12, 13]
    assert offsets("--key", "user-2") == list(range(2, 30, 3))
    assert offsets("--key", "user-2", "--header", "region=eu") == list(range(5, 30, 6))
    assert offsets("--grep", "AMOUNT 29", "-i") == [29]
    assert offsets("--header", "region=eu", "--invert") == list(range(0, 30, 2))
    assert offsets("--grep", "EUR", "-c", "3") == [0, 1, 2]
    assert offsets("--header", "nothing") == []


# Producing.


def test_lines_that_are_no_records_are_named_and_the_rest_is_sent(topic, call):
    lines = b'{"value":"1"}\n{"value":\n{"valeu":"x"}\n{"value":"2","partition":7}\n{"value":"3"}\n'
    done = call("produce", topic, "--input", "json", stdin=lines, status=EXIT_BAD_INPUT)
    reasons = done.stderr.decode()
    for number in (2, 3, 4):
        assert f"standard input, line {number}" in reasons, reasons
    assert "valeu" in reasons and "2 records delivered, 3 left out" in reasons
    assert call("consume", topic, "-e").stdout == b"1\n3\n"


def test_strict_ends_at_the_first(topic, call):
    lines = b'{"value":"1"}\nnonsense\n{"value":"2"}\n'
    done = call("produce", topic, "--input", "json", "--strict", stdin=lines, status=EXIT_BAD_INPUT)
    assert b"line 2" in done.stderr
    assert call("consume", topic, "-e").stdout == b"1\n"


def test_lines_that_are_too_long_are_left_out(topic, call):
    lines = b"a\n" + b"x" * 5_000_000 + b"\nb\n" + b"y" * 2_000
    done = call("produce", topic, "--maximum-record-bytes", "1000", stdin=lines, status=EXIT_BAD_INPUT)
    assert b"line 2" in done.stderr and b"line 4" in done.stderr
    assert call("consume", topic, "-e").stdout == b"a\nb\n"


def test_ten_reasons_are_enough(topic, call):
    done = call("produce", topic, "-f", "%p %s", stdin=b"x y\n" * 500, status=EXIT_BAD_INPUT)
    assert len(done.stderr.splitlines()) <= 13 and b"490 more" in done.stderr


def test_fields_of_a_line(broker, make_topic, call):
    topic = make_topic(4)
    lines = b"3|k1|a=1,b=2|2026-01-31T00:00:00Z|v|1\n0|k2||1700000000000|v2\n"
    call("produce", topic, "-f", "%p|%k|%h|%T|%s", stdin=lines)
    received = clients.Confluent.consume(broker.bootstrap, topic, 4)
    assert received[3] == [clients.Received(0, 1769817600000, b"k1", b"v|1", (("a", b"1"), ("b", b"2")))]
    assert received[0] == [clients.Received(0, 1700000000000, b"k2", b"v2", ())]


def test_the_time_of_all_records(topic, call):
    call("produce", topic, "--timestamp", "2026-01-31", stdin=b"a\nb\n")
    assert call("consume", topic, "-e", "-f", r"%T\n").stdout == b"1769817600000\n" * 2


def test_a_rate_is_kept(topic, call):
    start = time.monotonic()
    done = call("produce", topic, "--rate", "50", "--json", stdin=b"x\n" * 51)
    assert time.monotonic() - start >= 1.0
    assert json.loads(done.stdout)["records"] == 51


def test_progress_is_for_terminals(broker, topic, tmp_path):
    """A long input shows a bar on a terminal, and nothing in a file."""
    (tmp_path / "lines").write_bytes(b"x\n" * 4000)
    command = f"{BINARY} produce {topic} --rate 2000 -b {broker.bootstrap} {tmp_path}/lines"
    seen = subprocess.run(["script", "-qec", command, "/dev/null"], capture_output=True, check=True, timeout=60).stdout
    assert "█".encode() in seen and b"left" in seen and b"records/s" in seen
    plain = subprocess.run(command.split(), capture_output=True, check=True, timeout=60)
    assert b"\x1b" not in plain.stderr + plain.stdout and b"\r" not in plain.stderr
