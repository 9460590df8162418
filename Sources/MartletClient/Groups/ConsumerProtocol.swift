import NIOCore
import Wire

/// What consumers tell each other through a classic group's coordinator, which does not look into it: Kafka's protocol
/// type `consumer`, versions 0 to 3. Stateless.
///
/// - 1: the partitions that a member owns (KIP-429).
/// - 2: the generation in which it got them (KIP-792).
/// - 3: its rack (KIP-881).
enum ConsumerProtocol {
    /// The protocol type under which consumers join.
    static let type = "consumer"
    static let newestVersion: Int16 = 3

    /// A newer version only adds fields behind those that are known, so it is read as the newest known one.
    fileprivate static func read<Message: WireStruct>(_ bytes: ByteBuffer) throws(WireError) -> Message {
        var rest = bytes
        guard let version: Int16 = rest.readInteger(), version >= 0 else {
            throw .badLength(
                field: "Version",
                length: Int(bytes.getInteger(at: bytes.readerIndex, as: Int16.self) ?? 0),
                remaining: bytes.readableBytes
            )
        }
        return try Message.read(rest, version: min(version, newestVersion), isFlexible: false).message
    }

    fileprivate static func write(_ message: some WireStruct, version: Int16) throws(WireError) -> ByteBuffer {
        var output = WireOutput(bytes: ByteBuffer())
        output.bytes.writeInteger(version)
        try message.write(to: &output, version: version, isFlexible: false)
        return output.bytes
    }
}

/// Partitions of one topic, as both messages have them. A value.
struct ConsumerProtocolPartitions: WireStruct {
    var topic = ""
    var partitions: [Int32] = []

    mutating func code(_ wire: inout WireCoder) throws(WireError) {
        try wire.string("Topic", &topic)
        try wire.int32s("Partitions", &partitions)
    }

    /// Grouped by topic, in order.
    static func grouped(_ partitions: some Sequence<Partition>) -> [ConsumerProtocolPartitions] {
        var groups: [ConsumerProtocolPartitions] = []
        for partition in partitions.sorted() {
            if groups.last?.topic != partition.topic {
                groups.append(ConsumerProtocolPartitions())
                groups[groups.count - 1].topic = partition.topic
            }
            groups[groups.count - 1].partitions.append(partition.index)
        }
        return groups
    }

    static func flat(_ groups: [ConsumerProtocolPartitions]) -> [Partition] {
        groups.flatMap { group in group.partitions.map { Partition(topic: group.topic, index: $0) } }
    }
}

/// What a member wants to read, and what it has. A value.
struct ConsumerSubscription: WireStruct {
    var topics: [String] = []
    /// The assignor's own.
    var userData: ByteBuffer?
    private var owned: [ConsumerProtocolPartitions] = []
    /// The generation of ``ownedPartitions``; −1 if there is none.
    var generation: Int32 = -1
    var rack: String?

    init() {}

    var ownedPartitions: [Partition] {
        get { ConsumerProtocolPartitions.flat(owned) }
        set { owned = ConsumerProtocolPartitions.grouped(newValue) }
    }

    mutating func code(_ wire: inout WireCoder) throws(WireError) {
        try wire.strings("Topics", &topics)
        try wire.nullableBytes("UserData", &userData)
        if wire.version >= 1 { try wire.array("OwnedPartitions", &owned) }
        if wire.version >= 2 { try wire.int32("GenerationId", &generation) }
        if wire.version >= 3 { try wire.nullableString("RackId", &rack) }
    }

    init(reading bytes: ByteBuffer) throws(WireError) { self = try ConsumerProtocol.read(bytes) }

    func bytes(version: Int16 = ConsumerProtocol.newestVersion) throws(WireError) -> ByteBuffer {
        try ConsumerProtocol.write(self, version: version)
    }
}

/// What a member is to read. A value.
struct ConsumerAssignment: WireStruct {
    private var assigned: [ConsumerProtocolPartitions] = []
    /// The assignor's own.
    var userData: ByteBuffer?

    init() {}

    init(_ partitions: some Sequence<Partition>) { assigned = ConsumerProtocolPartitions.grouped(partitions) }

    var partitions: [Partition] { ConsumerProtocolPartitions.flat(assigned) }

    mutating func code(_ wire: inout WireCoder) throws(WireError) {
        try wire.array("AssignedPartitions", &assigned)
        try wire.nullableBytes("UserData", &userData)
    }

    /// - Parameter bytes: Empty for a member that was assigned nothing.
    init(reading bytes: ByteBuffer) throws(WireError) {
        if bytes.readableBytes == 0 { self.init() } else { self = try ConsumerProtocol.read(bytes) }
    }

    func bytes(version: Int16 = ConsumerProtocol.newestVersion) throws(WireError) -> ByteBuffer {
        try ConsumerProtocol.write(self, version: version)
    }
}
