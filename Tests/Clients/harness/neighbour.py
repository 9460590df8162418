"""A healthy client beside the abuse: it goes on producing and consuming, and notices everything."""

import threading

from . import batches, wire


class Neighbour:
    """Produces one record after the other and reads each back, on its own thread; owned by the fixture."""

    def __init__(self, broker, topic):
        self.broker, self.topic = broker, topic
        self.count = 0
        self.failure = None
        self._enough = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, kind, *_):
        self.stop()
        if kind is None:
            self.assert_well()

    def _work(self):
        try:
            with wire.connect(self.broker) as connection:
                while not self._enough.is_set():
                    text = b"neighbour %d" % self.count
                    answer = wire.produce(connection, self.topic, batches.batch([(b"n", text)]))
                    assert (answer.error_code, answer.base_offset) == (0, self.count)
                    _, found = wire.fetch(connection, self.topic, self.count, max_wait=1000, min_bytes=1)
                    assert found[0].records[0].value == text
                    self.count += 1
        except Exception as failure:  # pylint: disable=broad-except
            self.failure = failure

    def assert_goes_on(self, rounds=3):
        """Waits until it has done some more."""
        goal = self.count + rounds
        waiter = threading.Event()
        for _ in range(2000):
            if self.count >= goal or self.failure is not None:
                break
            waiter.wait(0.01)
        self.assert_well()
        assert self.count >= goal, f"it is stuck at {self.count}"

    def assert_well(self):
        assert self.failure is None, f"after {self.count} rounds: {self.failure!r}"

    def stop(self):
        self._enough.set()
        self._thread.join(30)

    def assert_everything_is_stored(self):
        """Reads the topic from the start: every record once, in order."""
        self.stop()
        self.assert_well()
        expected = 0
        with wire.connect(self.broker) as connection:
            while expected < self.count:
                _, found = wire.fetch(connection, self.topic, expected)
                assert found, f"nothing at {expected}"
                for batch in found:
                    for record in batch.records:
                        assert (record.offset, record.value) == (expected, b"neighbour %d" % expected)
                        expected += 1
