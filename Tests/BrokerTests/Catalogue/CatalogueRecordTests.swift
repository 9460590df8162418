import Model
import NIOCore
import TestSupport
import Testing
import Wire

@testable import Broker

/// The values of the catalogue: what is stored is read again, what is damaged or too new is refused.
struct CatalogueRecordTests {
    private var topic: TopicRecord {
        var record = TopicRecord()
        record.id = TopicID(high: 1, low: 2)
        record.partitions = [PartitionRecord(replicas: [1]), PartitionRecord(replicas: [1, 2])]
        record.configs = [StoredConfig(name: "a", value: "b")]
        record.createdAt = 1_700_000_000_000
        return record
    }

    private func decode(_ bytes: [UInt8]) throws -> TopicRecord {
        try TopicRecord.decode(ByteBuffer(bytes: bytes), key: "topic/x")
    }

    /// The format on disk; a change of it is a new version.
    @Test func theFormatOfATopicIsThis() throws {
        let bytes: [UInt8] = [
            0, 0,  // version
            0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2,  // id
            3,  // two partitions
            0, 0, 0, 0, 2, 0, 0, 0, 1, 0,  // leader epoch, one replica, no tags
            0, 0, 0, 0, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0,
            2, 2, 0x61, 2, 0x62, 0,  // one configuration
            0, 0, 0x01, 0x8b, 0xcf, 0xe5, 0x68, 0, 0,  // created at, no tags
        ]
        #expect(Array(try topic.encoded().readableBytesView) == bytes)
        #expect(try decode(bytes) == topic)
    }

    @Test(arguments: [1, 2, .max, -1, .min] as [Int16])
    func aFormatThatIsNotKnownIsRefusedAndNamed(version: Int16) throws {
        var value = try topic.encoded()
        value.setInteger(version, at: value.readerIndex)
        let error = #expect(throws: CatalogueError.self) { try TopicRecord.decode(value, key: "topic/x") }
        #expect(error == .corrupt("'topic/x' has format \(version), this version of Martlet knows 0 to 0"))
    }

    @Test func everyValueThatIsCutOffIsRefused() throws {
        let whole = Array(try topic.encoded().readableBytesView)
        for length in whole.indices {
            #expect(throws: CatalogueError.self, "\(length) bytes") { try decode(Array(whole.prefix(length))) }
        }
    }

    @Test func noDamagedByteTraps() throws {
        let whole = Array(try topic.encoded().readableBytesView)
        for position in whole.indices {
            for bit in 0..<8 {
                var damaged = whole
                damaged[position] ^= 1 << UInt8(bit)
                do { _ = try decode(damaged) } catch is CatalogueError {}
            }
        }
    }

    @Test func whatALaterVersionAddsAsTagsIsSkipped() throws {
        var bytes = Array(try topic.encoded().readableBytesView)
        bytes.removeLast()
        bytes += [1, 42, 2, 0xaa, 0xbb]
        #expect(try decode(bytes) == topic)
    }

    @Test(arguments: 0..<50 as Range<UInt64>)
    func sampledRecordsAreReadAsTheyWereWritten(seed: UInt64) throws {
        let topic = try TopicRecord.sample(seed: seed, version: 0, isFlexible: true)
        #expect(try TopicRecord.decode(topic.encoded(), key: "topic/x") == topic, "seed \(seed)")
        let config = try ConfigRecord.sample(seed: seed, version: 0, isFlexible: true)
        #expect(try ConfigRecord.decode(config.encoded(), key: "broker-config/1") == config, "seed \(seed)")
    }
}
