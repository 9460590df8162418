import Model
import NIOCore
import Records
import TestSupport
import Testing

@testable import CommitLog

/// The bytes on disk, as Kafka reads and writes them.
@Suite struct FormatTests {
    private func bytes(_ hexadecimal: String) -> [UInt8] {
        stride(from: 0, to: hexadecimal.count, by: 2).compactMap { start in
            let first = hexadecimal.index(hexadecimal.startIndex, offsetBy: start)
            return UInt8(hexadecimal[first...hexadecimal.index(after: first)], radix: 16)
        }
    }

    /// Computed by hand from the format of Kafka's `ProducerStateManager`, with the checksum of another program.
    private let kafkaSnapshot =
        "000123331c7b000000020000000000000fa100030000001100000000000004b4000000020000018bcfe5687bffffffffffffffffffff"
        + "ffff0000000000000fa200007fffffff0000000000000063000000000000018bcfe56800ffffffffffffffffffffffff"
    private let snapshotWithOlderBatch =
        "00011fb3bd39000000020000000000000fa100030000001100000000000004b4000000020000018bcfe5687bffffffffffffffffffff"
        + "ffff0000000000000fa200007fffffff0000000000000063000000000000018bcfe56800ffffffffffffffffffffffff4d50423100"
        + "0000010000000000000fa10000000e00000000000004b1000000040000018bcfe56864"

    private func snapshotState(withOlder: Bool) -> ProducerState {
        func batch(_ sequence: Int32, _ offset: Int64, _ delta: Int32, _ timestamp: Int64) -> ProducerState.Batch {
            ProducerState.Batch(
                lastSequence: SequenceNumber(sequence),
                lastOffset: Offset(offset),
                offsetDelta: delta,
                timestamp: Timestamp(milliseconds: timestamp)
            )
        }
        var state = ProducerState(maximumProducers: 10)
        var first = ProducerState.Producer(epoch: 3)
        if withOlder { first.batches.append(batch(14, 1201, 4, 1_700_000_000_100)) }
        first.batches.append(batch(17, 1204, 2, 1_700_000_000_123))
        first.lastTimestamp = Timestamp(milliseconds: 1_700_000_000_123)
        var second = ProducerState.Producer(epoch: 0)
        second.batches = [batch(.max, 99, 0, 1_700_000_000_000)]
        second.lastTimestamp = Timestamp(milliseconds: 1_700_000_000_000)
        state.restore(ProducerID(4001), first)
        state.restore(ProducerID(4002), second)
        return state
    }

    @Test(arguments: [false, true])
    func producerSnapshotsAreKafkasWithATableBehind(withOlder: Bool) throws {
        let golden = bytes(withOlder ? snapshotWithOlderBatch : kafkaSnapshot)
        let state = snapshotState(withOlder: withOlder)
        #expect(ProducerSnapshotFormat.encode(state) == golden)
        var read = ProducerState(maximumProducers: 10)
        try ProducerSnapshotFormat.decode(golden, path: "x", into: &read)
        #expect(read == state)
    }

    @Test func damagedProducerSnapshotsAreRefused() {
        let golden = bytes(snapshotWithOlderBatch)
        for length in 0..<golden.count {
            var read = ProducerState(maximumProducers: 10)
            #expect(throws: LogError.self) {
                try ProducerSnapshotFormat.decode(Array(golden.prefix(length)), path: "x", into: &read)
            }
        }
        for position in golden.indices {
            var bad = golden
            bad[position] ^= 4
            var read = ProducerState(maximumProducers: 10)
            #expect(throws: LogError.self) { try ProducerSnapshotFormat.decode(bad, path: "x", into: &read) }
        }
    }

    @Test func indexEntriesAreBigEndianAndRelative() throws {
        let entry = OffsetIndexEntry(offset: Offset(0x1_0000_0102), position: FilePosition(0x0304_0506))
        #expect(OffsetIndexFormat.encode(entry, base: Offset(0x1_0000_0000)) == [0, 0, 1, 2, 3, 4, 5, 6])
        let time = TimeIndexEntry(timestamp: Timestamp(milliseconds: 0x0102_0304_0506_0708), offset: Offset(259))
        let encoded = TimeIndexFormat.encode(time, base: Offset(1))
        #expect(encoded == [1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 1, 2])
        let tooFar = OffsetIndexEntry(offset: Offset(1 << 31), position: .zero)
        #expect(OffsetIndexFormat.encode(tooFar, base: .zero) == nil)
        #expect(OffsetIndexFormat.encode(entry, base: Offset(0x1_0000_0103)) == nil)
    }

    @Test func textFilesAreKafkas() throws {
        var epochs = LeaderEpochs()
        _ = epochs.assign(LeaderEpoch(0), at: .zero)
        _ = epochs.assign(LeaderEpoch(3), at: Offset(1204))
        #expect(epochs.checkpoint.text == "0\n2\n0 0\n3 1204\n")
        #expect(try LeaderEpochs(TextCheckpoint("0\n2\n0 0\n3 1204\n", path: "x"), path: "x") == epochs)

        let offsets = OffsetCheckpoint([TopicPartition("b", 1): Offset(7), TopicPartition("a", 10): Offset(0)])
        #expect(offsets.checkpoint.text == "0\n2\na 10 0\nb 1 7\n")
        #expect(try OffsetCheckpoint(TextCheckpoint(offsets.checkpoint.text, path: "x"), path: "x") == offsets)

        let id = try #require(TopicID("cbWpNn6IQvC8ZMyJHpTL1w"))
        let metadata = PartitionMetadata(topicID: id)
        let lines = metadata.text.split(separator: "\n")
        #expect(lines.prefix(2) == ["version: 0", "topic_id: cbWpNn6IQvC8ZMyJHpTL1w"] && lines.count == 3)
        #expect(try PartitionMetadata(metadata.text, path: "x") == metadata)
        #expect(try PartitionMetadata("version: 0\ntopic_id: cbWpNn6IQvC8ZMyJHpTL1w", path: "x") == metadata)
    }

    @Test func metaPropertiesOfKafkaAreUnderstood() throws {
        let text = """
            #
            #Sat Nov 21 11:15:42 UTC 2026
            node.id=1
            directory.id=5lQZ6fFJS0OTb1WHJgJAbA
            version=1
            cluster.id=MkU3OEVBNTcwNTJENDM2Qk

            """
        let properties = try MetaProperties(text, path: "x")
        #expect(properties.clusterID == "MkU3OEVBNTcwNTJENDM2Qk")
        #expect(properties.nodeID == 1)
        #expect(properties.directoryID.description == "5lQZ6fFJS0OTb1WHJgJAbA")
        #expect(try MetaProperties(properties.text, path: "x") == properties)
    }

    @Test(arguments: [
        "", "0", "0\n", "0\nx\n", "0\n-1\n", "0\n2\n0 0\n", "0\n1\n0 0\n1 1\n", "0\n1\nx y\n", "0\n1\n0\n",
        "0\n1\n-1 0\n",
        "0\n2\n1 0\n0 5\n", "0\n2\n0 5\n1 0\n", "0\n1\n99999999999 0\n", "0\n99999999999999999999\n",
    ])
    func nonsenseInTextFilesIsRefused(text: String) {
        #expect(throws: LogError.self) { try LeaderEpochs(TextCheckpoint(text, path: "x"), path: "x") }
        #expect(throws: LogError.self) { try PartitionMetadata(text, path: "x") }
        #expect(throws: LogError.self) { try MetaProperties(text, path: "x") }
    }

    @Test func namesOfFilesAndDirectories() throws {
        #expect(LogFileNames.name(Offset(42), ".log") == "00000000000000000042.log")
        #expect(LogFileNames.offset(in: "00000000000000000042.log", ".log") == Offset(42))
        for name in [
            "42.log", "00000000000000000042.index", "0000000000000000004x.log", "99999999999999999999.log", "",
        ] {
            #expect(LogFileNames.offset(in: name, ".log") == nil)
        }
        #expect(LogFileNames.topicPartition(ofDirectory: "a-b-3") == TopicPartition("a-b", 3))
        for name in ["a", "a-", "-3", "a-03", "a/b-3", "a-3.6f0a-delete", "..-1 ", "a-99999999999"] {
            #expect(LogFileNames.topicPartition(ofDirectory: name) == nil, "\(name)")
        }
        let long = TopicPartition(String(repeating: "t", count: 249), 123)
        let deleted = LogFileNames.retiredDirectory(long, unique: TopicID(high: 1, low: 2), LogFileNames.deleted)
        #expect(deleted.utf8.count == 255)
        #expect(deleted.hasSuffix("t-123.00000000000000010000000000000002-delete"))
    }

    @Test func aStoppedPartitionHasKafkasFiles() throws {
        var config = LogConfig()
        config.segmentBytes = 200
        config.indexIntervalBytes = 0
        let fixture = try LogFixture(config: config)
        try fixture.append(TestBatch(values: ["a", "b"], timestamps: [5, 7]))
        try fixture.append(TestBatch(values: ["c"], timestamps: [6]))
        try fixture.append(TestBatch(values: ["d"], timestamps: [9]))
        try fixture.log.close()
        let names = try fixture.environment.fileSystem.list(fixture.directory).sorted()
        #expect(
            names == [
                "00000000000000000000.index", "00000000000000000000.log", "00000000000000000000.timeindex",
                "00000000000000000003.index", "00000000000000000003.log", "00000000000000000003.snapshot",
                "00000000000000000003.timeindex", "00000000000000000004.snapshot", "leader-epoch-checkpoint",
                "partition.metadata",
            ]
        )
        let first = try fixture.contents(of: fixture.path(0, ".log"))
        let header = try BatchHeader(ByteBuffer(bytes: first))
        // The second batch got the only entry: its last offset, and where it begins.
        let position = UInt8(header.totalLength)
        #expect(try fixture.contents(of: fixture.path(0, ".index")) == [0, 0, 0, 2, 0, 0, 0, position])
        #expect(try fixture.contents(of: fixture.path(0, ".timeindex")) == [0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 1])
        #expect(try fixture.contents(of: fixture.path(3, ".timeindex")) == [0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0])
    }
}
