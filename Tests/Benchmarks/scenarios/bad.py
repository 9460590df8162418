"""Measures what must stay good when a client or the machine is at its worst, case by case."""

import bad_cases
from scenario import Scenario, size

PROGRAMS = ("client", "producers", "readers", "stream")


class Bad(Scenario):
    explanation = """
Latencies are those of a stream of 1,000 records of 200 bytes a second with acks=all, from when a record was due to be
sent to its arrival at a consumer, alone and beside what is bad, in turns; medians of the passes.

  backfill        a consumer reads cold data at full speed: the stream's 99th percentile at most 3 times that without
  backfill-fsync  the same where every record of the stream is on the disk before it is acknowledged and seen
  slow            1,000 consumers take 4 KiB of their answers twice a second: latency at most 3 times, throughput of
                  another producer and consumer at least 0.7 of that without, memory at most 64 KiB for each, none
                  served less than half as well as another
  large           a producer sends requests of 100 MiB, with a batch of 1 MiB for each of 100 partitions and with one
                  batch of 99 MiB: latency at most 5 times, memory at most queued.max.request.bytes and 128 MB
  session         one fetch session of 10,000 partitions: a record of one of them is answered within a millisecond,
                  for at most 1.5 times the CPU of a session of 10
  wide            produce requests with a batch for each of 1,000 partitions, one at a time: answered within 50 ms,
                  for at most as much CPU a batch as requests with a single one
  capped          the system caps memory, page cache included, at 256 MB, while gigabytes are produced and consumed:
                  nobody is killed, and the stream's longest wait is at most a second
"""
    cases = tuple(bad_cases.CASES)
    repeats = 3
    smoke = {"size": 8 << 20, "seconds": 2, "consumers": 20, "partitions": 20}

    def add_arguments(self, parser):
        parser.add_argument("--size", type=size, default=10 << 30, help="bytes of cold data, such as 2G (default 10G)")
        parser.add_argument("--seconds", type=int, default=10, help="how long a stream is (default 10)")
        parser.add_argument("--consumers", type=int, default=1000, help="how many are slow (default 1000)")
        parser.add_argument("--partitions", type=int, default=10_000, help="of the large session (default 10000)")

    def measure(self, run):
        return {case: bad_cases.CASES[case](run) for case in run.cases}
