import Model
import NIOCore
import Wire

/// The keys and values of the catalogue. A value starts with its format's version (two bytes), then fields as in a
/// flexible Kafka message: later versions add fields behind those of earlier ones, or tagged fields.
///
/// | key | value | meaning |
/// |---|---|---|
/// | `topic/NAME` | ``TopicRecord`` | a topic, its id, partitions and configuration |
/// | `deleted-topic/ID` | the topic's name | a topic whose files are still to be removed |
/// | `broker-config/NODE` | ``ConfigRecord`` | configuration of one broker changed at run time; `default` for all |
/// | `group-config/GROUP` | ``ConfigRecord`` | configuration of one consumer group |
/// | `producer-ids` | ``ProducerIDRecord`` | the first producer id that no broker has reserved |
enum CatalogueKey {
    static let topicPrefix = "topic/"
    static let producerIDs = "producer-ids"

    static let deletedTopicPrefix = "deleted-topic/"

    static func deletedTopic(_ id: TopicID) -> String { deletedTopicPrefix + id.description }
    static func topic(_ name: String) -> String { topicPrefix + name }
    static let groupConfigPrefix = "group-config/"

    static func groupConfig(_ group: String) -> String { groupConfigPrefix + group }
    static func brokerConfig(_ node: String) -> String { "broker-config/" + node }
}

/// A value of the catalogue.
protocol CatalogueRecord: WireStruct {
    static var formatVersion: Int16 { get }
}

extension CatalogueRecord {
    func encoded() throws(CatalogueError) -> ByteBuffer {
        var output = WireOutput(bytes: ByteBuffer())
        output.bytes.writeInteger(Self.formatVersion)
        do throws(WireError) {
            try write(to: &output, version: Self.formatVersion, isFlexible: true)
        } catch {
            throw .corrupt("a value cannot be written: \(error)")
        }
        return output.bytes
    }

    static func decode(_ value: ByteBuffer, key: String) throws(CatalogueError) -> Self {
        var value = value
        guard let version = value.readInteger(as: Int16.self) else { throw .corrupt("'\(key)' has an empty value") }
        guard (0...formatVersion).contains(version) else {
            throw .corrupt("'\(key)' has format \(version), this version of Martlet knows 0 to \(formatVersion)")
        }
        do throws(WireError) {
            return try read(value, version: version, isFlexible: true).message
        } catch {
            throw .corrupt("'\(key)': \(error)")
        }
    }
}

/// One configuration that differs from its default.
struct StoredConfig: WireStruct {
    var name = ""
    var value = ""

    init() {}

    init(name: String, value: String) {
        self.name = name
        self.value = value
    }

    mutating func code(_ wire: inout WireCoder) throws(WireError) {
        try wire.string("Name", &name)
        try wire.string("Value", &value)
        try wire.taggedFields()
    }
}

/// A topic as the catalogue keeps it.
struct TopicRecord: CatalogueRecord {
    static let formatVersion: Int16 = 0

    var id = TopicID.zero
    /// The leader epoch and the replicas of each partition, by partition number.
    var partitions: [PartitionRecord] = []
    var configs: [StoredConfig] = []
    var createdAt: Int64 = 0

    init() {}

    mutating func code(_ wire: inout WireCoder) throws(WireError) {
        try wire.uuid("Id", &id)
        try wire.array("Partitions", &partitions)
        try wire.array("Configs", &configs)
        try wire.int64("CreatedAt", &createdAt)
        try wire.taggedFields()
    }
}

/// A partition as the catalogue keeps it.
struct PartitionRecord: WireStruct {
    var leaderEpoch: Int32 = 0
    var replicas: [Int32] = []

    init() {}

    init(replicas: [Int32]) { self.replicas = replicas }

    mutating func code(_ wire: inout WireCoder) throws(WireError) {
        try wire.int32("LeaderEpoch", &leaderEpoch)
        try wire.int32s("Replicas", &replicas)
        try wire.taggedFields()
    }
}

/// Configurations of a broker that were changed at run time.
struct ConfigRecord: CatalogueRecord {
    static let formatVersion: Int16 = 0

    var configs: [StoredConfig] = []

    init() {}

    mutating func code(_ wire: inout WireCoder) throws(WireError) {
        try wire.array("Configs", &configs)
        try wire.taggedFields()
    }
}

/// The state of handing out producer ids.
struct ProducerIDRecord: CatalogueRecord {
    static let formatVersion: Int16 = 0

    var next: Int64 = 0

    init() {}

    mutating func code(_ wire: inout WireCoder) throws(WireError) {
        try wire.int64("Next", &next)
        try wire.taggedFields()
    }
}
