import Model
import NIOCore
import Records
import Testing
import Wire

@testable import MartletClient

extension ClientConfiguration {
    /// Nothing listens there; for tests that never connect.
    static var nowhere: ClientConfiguration {
        ClientConfiguration(bootstrap: [BrokerAddress(host: "127.0.0.1", port: 1)])
    }
}

extension ClusterMetadata {
    /// Topics with partitions that are led by the nodes given; nil is no leader.
    static func fixture(_ topics: [String: [Int32?]], epoch: Int32 = 1) -> ClusterMetadata {
        var response = MetadataResponse()
        for id in Set(topics.values.joined().compactMap { $0 }).sorted() {
            var broker = MetadataResponse.Broker()
            broker.nodeID = id
            broker.host = "broker\(id)"
            broker.port = 9092
            response.brokers.append(broker)
        }
        for (name, leaders) in topics.sorted(by: { $0.key < $1.key }) {
            var topic = MetadataResponse.Topic()
            topic.name = name
            topic.topicID = TopicID(high: 1, low: UInt64(name.utf8.count))
            topic.partitions = leaders.enumerated().map { index, leader in
                var partition = MetadataResponse.Partition()
                partition.index = Int32(index)
                partition.leaderID = leader ?? -1
                partition.leaderEpoch = epoch
                return partition
            }
            response.topics.append(topic)
        }
        var metadata = ClusterMetadata()
        metadata.merge(response)
        return metadata
    }
}

extension Instant {
    static func at(milliseconds: Int64) -> Instant { Instant(nanoseconds: milliseconds * 1_000_000) }
}

/// A batch of values with consecutive offsets.
func encodedBatch(
    _ values: [String],
    at offset: Int64 = 0,
    compression: Model.Compression = .none,
    producer: Int64? = nil,
    isControl: Bool = false,
    keys: [ByteBuffer]? = nil
) throws -> ByteBuffer {
    var builder = BatchBuilder(
        compression: compression,
        producerID: ProducerID(producer ?? -1),
        producerEpoch: producer == nil ? -1 : 0,
        baseSequence: producer == nil ? .none : SequenceNumber(0),
        isTransactional: producer != nil,
        isControl: isControl
    )
    for (index, value) in values.enumerated() {
        try builder.append(
            key: keys?[index],
            value: ByteBuffer(string: value),
            timestamp: Timestamp(milliseconds: 1000 + Int64(index))
        )
    }
    return try builder.finish(baseOffset: Offset(offset))
}

extension ByteBuffer {
    var text: String { String(buffer: self) }

    static func joined(_ parts: [ByteBuffer]) -> ByteBuffer {
        var whole = ByteBuffer()
        for part in parts { whole.writeImmutableBuffer(part) }
        return whole
    }
}
