import Groups
import Model
import NIOCore
import Testing

@testable import Broker

/// The short way of reading committed offsets, next to the whole format.
struct OffsetRecordReaderTests {
    private static func record(_ generator: inout SeededGenerator) -> GroupRecord {
        let groups = ["g", "a-group", "", "группа"].map { GroupID($0) }
        let topics = ["t", "another-topic-with-a-long-name", "u"]
        let committed = CommittedOffset(
            offset: Offset(Int64.random(in: -1...Int64.max, using: &generator)),
            leaderEpoch: LeaderEpoch(Int32.random(in: -1...9, using: &generator)),
            metadata: Int.random(in: 0..<4, using: &generator) == 0 ? "note" : "",
            committed: Timestamp(milliseconds: Int64.random(in: 0...9, using: &generator)),
            expires: Int.random(in: 0..<8, using: &generator) == 0 ? Timestamp(milliseconds: 5) : nil
        )
        let partition = Int32.random(in: 0...3, using: &generator)
        return .offset(
            groups.randomElement(using: &generator) ?? GroupID(""),
            TopicPartition(topics.randomElement(using: &generator) ?? "", partition),
            committed
        )
    }

    /// Changes a byte, or leaves some out at the end.
    private static func damage(_ bytes: inout ByteBuffer, _ generator: inout SeededGenerator) {
        let position = Int.random(in: 0..<bytes.readableBytes, using: &generator)
        if Bool.random(using: &generator) {
            bytes.setInteger(UInt8.random(in: 0...255, using: &generator), at: position)
        } else {
            bytes.moveWriterIndex(to: position)
        }
    }

    @Test func whatItReadsIsWhatTheFormatSays() throws {
        var reader = OffsetRecordReader()
        var read = 0
        var left = 0
        for seed: UInt64 in 0..<20_000 {
            var generator = SeededGenerator(seed: seed)
            var (key, value) = try GroupRecordFormat.encode(Self.record(&generator))
            guard var stored = value else { continue }
            switch Int.random(in: 0..<4, using: &generator) {
            case 0: Self.damage(&key, &generator)
            case 1: Self.damage(&stored, &generator)
            default: break
            }
            value = stored
            if let found = reader.read(key: key, value: stored) {
                read += 1
                #expect(try GroupRecordFormat.decode(key: key, value: value) == found, "seed \(seed)")
            } else {
                left += 1
            }
        }
        #expect(read > 5_000 && left > 5_000)
    }

    @Test func whatIsUsualIsRead() throws {
        var reader = OffsetRecordReader()
        let offset = CommittedOffset(offset: Offset(7), committed: Timestamp(milliseconds: 5))
        for group in ["a", "b", "a"] {
            let record = GroupRecord.offset(GroupID(group), TopicPartition("t", 1), offset)
            let (key, value) = try GroupRecordFormat.encode(record)
            #expect(reader.read(key: key, value: try #require(value)) == record)
        }
    }
}
