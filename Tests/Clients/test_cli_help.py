"""The command line's own words: help, manual page, completion, README, and what it ends with."""

import json
import os
import re
import shutil
import struct
import subprocess

import pytest

from harness.broker import BINARY, ROOT, run_martlet

EXIT_USAGE, EXIT_BAD_INPUT, EXIT_NO_INPUT, EXIT_UNREACHABLE, EXIT_INCOMPATIBLE = 64, 65, 66, 69, 76


def verbs(command=None, path=()):
    """Every command that does something, as words."""
    if command is None:
        command = json.loads(run_martlet("--experimental-dump-help").stdout)["command"]
    below = [one for one in command.get("subcommands", []) if one["commandName"] != "help"]
    if not below:
        return [path]
    return [verb for one in below for verb in verbs(one, (*path, one["commandName"]))]


def test_every_verb_explains_itself_with_examples():
    assert len(verbs()) > 20
    for verb in verbs():
        done = run_martlet(*verb, "--help")
        text = done.stdout.decode()
        assert done.returncode == 0 and "USAGE" in text, verb
        assert re.search(r"Examples:\n(.*\n)* +.*martlet " + " ".join(verb), text), text


def test_the_readme_names_every_verb():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    missing = [" ".join(verb) for verb in verbs() if "martlet " + " ".join(verb) not in readme]
    assert not missing


def test_help_and_readme_say_what_each_status_means():
    text = run_martlet("--help").stdout.decode()
    table = text[text.index("Exit status:") : text.index("Environment:")]
    statuses = re.findall(r"^ +(\d+)  ", table, flags=re.MULTILINE)
    assert {"0", "1", "64", "69"} <= set(statuses)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for status in statuses:
        assert f"| {status} |" in readme, status


def test_the_manual_page_is_one():
    page = run_martlet("man").stdout.decode()
    for verb in verbs():
        assert ".SS martlet " + " ".join(verb).replace("-", "\\-") in page
    if shutil.which("groff") is None:
        pytest.skip("groff is not there to look at the page")
    done = subprocess.run(
        ["groff", "-man", "-Tutf8", "-ww", "-z"], input=page.encode(), capture_output=True, check=False
    )
    assert done.returncode == 0 and not done.stderr, done.stderr.decode()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_knows_the_verbs(shell, tmp_path):
    script = run_martlet("completion", shell).stdout
    for words in (b"topic", b"consume", b"completion"):
        assert words in script
    if shutil.which(shell) is None:
        return
    path = tmp_path / "script"
    path.write_bytes(script)
    done = subprocess.run([shell, "-n", path], capture_output=True, check=False, env=os.environ)
    assert done.returncode == 0, done.stderr


def test_bash_completes_commands_options_and_topics(broker, topic, tmp_path):
    script = tmp_path / "script"
    script.write_bytes(run_martlet("completion", "bash").stdout)

    def complete(*words):
        """What bash would offer for the last word."""
        line = " ".join(words)
        code = f"""
            source {script}
            COMP_WORDS=({" ".join(f"'{word}'" for word in words)}) COMP_CWORD={len(words) - 1}
            COMP_LINE='{line}' COMP_POINT={len(line)} COMP_TYPE=9
            _martlet martlet "${{COMP_WORDS[COMP_CWORD]}}" "${{COMP_WORDS[COMP_CWORD-1]}}"
            printf '%s\n' "${{COMPREPLY[@]}}"
        """
        environment = os.environ | {
            "PATH": f"{BINARY.parent}:{os.environ['PATH']}",
            "MARTLET_BOOTSTRAP": broker.bootstrap,
        }
        done = subprocess.run(
            ["bash", "-c", code], capture_output=True, check=False, timeout=60, env=environment, text=True
        )
        return done.stdout.split()

    assert "topic" in complete("martlet", "to")
    assert "describe" in complete("martlet", "topic", "des")
    assert "--partitions" in complete("martlet", "topic", "create", "--part")
    assert topic in complete("martlet", "topic", "describe", topic[:10])
    assert topic in complete("martlet", "consume", topic[:10])


# What commands end with.


def test_nobody_there():
    done = run_martlet("topic", "list", "-b", "127.0.0.1:1", timeout=50)
    assert done.returncode == EXIT_UNREACHABLE
    assert b"connection refused" in done.stderr and b"hint" in done.stderr


def test_no_such_host():
    done = run_martlet("topic", "list", "-b", "no.such.host.invalid:9092", timeout=50)
    assert done.returncode == EXIT_UNREACHABLE
    assert b"no.such.host.invalid" in done.stderr and b"DNS" in done.stderr


@pytest.mark.parametrize(
    ("greeting", "words"),
    [
        (b"SSH-2.0-OpenSSH_9.2\r\n", b"SSH"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", b"HTTP"),
        (b"\x15\x03\x01\0\2\2\x46", b"TLS"),
    ],
)
def test_another_protocol_on_the_port(greeting, words, foreign_server):
    done = run_martlet("topic", "list", "-b", foreign_server(greeting), timeout=50)
    assert done.returncode == EXIT_INCOMPATIBLE, done
    assert words in done.stderr and b"hint" in done.stderr


def test_a_broker_of_another_time(foreign_server):
    """It speaks no version of anything that this client speaks."""
    apis = b"".join(struct.pack(">hhhb", key, 900, 901, 0) for key in range(70))
    body = struct.pack(">ihb", 0, 0, 71) + apis + struct.pack(">ib", 0, 0)
    done = run_martlet("topic", "list", "-b", foreign_server(struct.pack(">i", len(body)) + body), timeout=50)
    assert done.returncode == EXIT_INCOMPATIBLE, done
    assert b"versions 900 to 901" in done.stderr and b"hint" in done.stderr


@pytest.fixture
def foreign_server():
    """Starts servers that say something that is not Kafka's, whatever they are asked."""
    import socket
    import threading

    listeners = []

    def start(greeting):
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def answer():
            try:
                while True:
                    with listener.accept()[0] as connection:
                        connection.recv(1000)
                        connection.sendall(greeting)
            except OSError:
                pass

        threading.Thread(target=answer, daemon=True).start()
        return f"127.0.0.1:{listener.getsockname()[1]}"

    yield start
    for listener in listeners:
        listener.close()


def test_what_the_broker_refuses(broker):
    done = run_martlet("topic", "describe", "no-such-topic", "-b", broker.bootstrap)
    assert done.returncode == 1 and b"no-such-topic" in done.stderr and b"martlet topic list" in done.stderr


def test_inputs_that_are_not_there_or_not_understood(broker, topic, tmp_path):
    done = run_martlet("produce", topic, tmp_path / "missing", "-b", broker.bootstrap)
    assert done.returncode == EXIT_NO_INPUT and b"missing" in done.stderr
    done = run_martlet("produce", topic, "--input", "json", "-b", broker.bootstrap, stdin=b"{\n")
    assert done.returncode == EXIT_BAD_INPUT and b"line 1" in done.stderr


def test_wrong_usage():
    assert run_martlet("consume").returncode == EXIT_USAGE


def test_a_full_disk_under_the_output(broker, topic):
    done = subprocess.run(
        f"{BINARY} topic list -b {broker.bootstrap} > /dev/full",
        shell=True,
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 74 and b"cannot write" in done.stderr, done
