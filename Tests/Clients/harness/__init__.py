"""What the tests stand on: the broker as a process, raw connections to it, record batches, and real clients."""
