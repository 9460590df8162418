import Model

/// A member with what it was assigned, as far as it matters for what a rebalance has moved. Immutable.
struct PartitionHolder: Equatable, Sendable {
    /// The member, or its instance id if it is static: it holds on to its partitions under another member id.
    let name: String
    /// In the consumers' protocol; nil if the group speaks another.
    let assignment: [UInt8]?

    /// How many partitions have another holder afterwards, or one for the first time; nil if that cannot be told.
    static func moves(from before: [PartitionHolder], to after: [PartitionHolder]) -> Int? {
        let bytes = (before + after).reduce(0) { $0 + ($1.assignment?.count ?? 0) }
        guard bytes <= GroupLimits.comparedAssignmentBytes else { return nil }
        var holders: [TopicPartition: String] = [:]
        for holder in before {
            guard let partitions = holder.partitions else { return nil }
            for partition in partitions { holders[partition] = holder.name }
        }
        var moved = 0
        for holder in after {
            guard let partitions = holder.partitions else { return nil }
            moved += partitions.count { holders[$0] != holder.name }
        }
        return moved
    }

    /// Nil if the bytes are not an assignment.
    private var partitions: [TopicPartition]? {
        guard let assignment else { return nil }
        // Who was left out by the leader has nothing.
        if assignment.isEmpty { return [] }
        return ConsumerAssignment(assignment)?.partitions
    }
}

/// What a consumer is told that it holds: the version (two bytes), the number of topics (four bytes), then each with its
/// name (after a length of two bytes), the number of its partitions and their numbers (four bytes each). What follows is the
/// assignor's. Immutable.
struct ConsumerAssignment: Equatable {
    let partitions: [TopicPartition]

    /// Nil if the bytes are not that.
    init?(_ bytes: [UInt8]) {
        var input = ConsumerProtocolInput(bytes)
        guard let version = input.number(bytes: 2), version < 0x8000, let partitions = input.partitions() else {
            return nil
        }
        self.partitions = partitions
    }
}

/// Takes the consumers' protocol apart. A value.
struct ConsumerProtocolInput {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) { rest = bytes[...] }

    var remaining: Int { rest.count }

    /// A number without a sign; nil if there are not so many bytes.
    mutating func number(bytes count: Int) -> Int? {
        guard rest.count >= count else { return nil }
        defer { rest = rest.dropFirst(count) }
        return rest.prefix(count).reduce(0) { $0 << 8 | Int($1) }
    }

    /// A text behind its length of two bytes.
    mutating func string() -> String? {
        guard let length = number(bytes: 2), length <= rest.count else { return nil }
        defer { rest = rest.dropFirst(length) }
        return String(decoding: rest.prefix(length), as: UTF8.self)
    }

    /// Texts behind their number.
    mutating func strings() -> [String]? {
        guard let count = number(bytes: 4), count <= remaining / 2 else { return nil }
        var strings: [String] = []
        for _ in 0..<count {
            guard let string = string() else { return nil }
            strings.append(string)
        }
        return strings
    }

    /// Topics behind their number, each with the numbers of its partitions.
    mutating func partitions() -> [TopicPartition]? {
        guard let topics = number(bytes: 4), topics <= remaining / 6 else { return nil }
        var partitions: [TopicPartition] = []
        for _ in 0..<topics {
            guard let topic = string(), let count = number(bytes: 4), count <= remaining / 4 else { return nil }
            for _ in 0..<count {
                guard let number = number(bytes: 4), let partition = Int32(exactly: number) else { return nil }
                partitions.append(TopicPartition(topic, partition))
            }
        }
        return partitions
    }

    /// Passes over bytes behind their length of four bytes, of which −1 says that there are none.
    mutating func skipBytes() -> Bool {
        guard let length = number(bytes: 4) else { return false }
        if length == 0xffff_ffff { return true }
        guard length <= rest.count else { return false }
        rest = rest.dropFirst(length)
        return true
    }
}
