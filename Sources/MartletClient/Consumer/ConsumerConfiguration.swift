/// Where to begin reading a partition. A value.
public enum StartPosition: Equatable, Sendable {
    /// The oldest record there is.
    case beginning
    /// Behind the newest record: only what is appended from now on.
    case end
    /// The record with this offset.
    case offset(Int64)
    /// This many records before the end; the beginning if there are fewer.
    case last(Int64)
    /// The first record with this timestamp or a later one, in milliseconds since 1970-01-01T00:00Z; the end if there
    /// is none.
    case time(Int64)
}

/// Partitions to read, and where to begin. A value.
public struct Assignment: Equatable, Sendable {
    /// The topic.
    public var topic: String
    /// The partitions; nil means all that the topic has at the start.
    public var partitions: [Int32]?
    /// Where to begin.
    public var start: StartPosition
    /// The first offset not to read any more, for each of the partitions; nil reads on. Once all partitions of a consumer
    /// have come to their ends, its sequence ends.
    public var end: Int64?

    /// An assignment.
    public init(topic: String, partitions: [Int32]? = nil, start: StartPosition = .end, end: Int64? = nil) {
        self.topic = topic
        self.partitions = partitions
        self.start = start
        self.end = end
    }
}

/// How a ``Consumer`` fetches. The defaults are Kafka's unless a property says otherwise. A value.
public struct ConsumerConfiguration: Sendable {
    /// Which records of transactions to deliver (`isolation.level`, KIP-98).
    public enum Isolation: Sendable, Equatable {
        /// All, also those of open and aborted transactions.
        case readUncommitted
        /// Only those of committed transactions, and those outside of transactions.
        case readCommitted
    }

    /// What to do when the next offset does not exist (any more) (`auto.offset.reset`).
    public enum OutOfRangePolicy: Sendable, Equatable {
        /// Go on with the oldest record.
        case beginning
        /// Go on behind the newest record.
        case end
        /// End with an error.
        case fail
    }

    /// The cluster.
    public var client: ClientConfiguration
    /// What to read, outside of a group.
    public var assignments: [Assignment]
    /// As whose member to read, and what; nil reads ``assignments``.
    public var group: GroupConfiguration?
    /// Which records of transactions to deliver.
    public var isolation = Isolation.readUncommitted
    /// What to do when the next offset does not exist (any more). Members of a group with ``OutOfRangePolicy/fail`` go on
    /// where ``GroupConfiguration/start`` says, and fail only if that is nil.
    public var outOfRange = OutOfRangePolicy.fail
    /// Whether to end after the records that the partitions held at the start.
    public var stopsAtEnd = false
    /// How long a broker may wait for records before it answers with none (`fetch.max.wait.ms`).
    public var maximumWait = Duration.milliseconds(500)
    /// How many bytes of records a broker should wait for (`fetch.min.bytes`).
    public var minimumBytes = 1
    /// Bytes of records in one answer (`fetch.max.bytes`); a single larger batch still comes whole (KIP-74).
    public var maximumBytes = 50 << 20
    /// Bytes of records of one partition in one answer (`max.partition.fetch.bytes`).
    public var maximumPartitionBytes = 1 << 20
    /// Bytes of records fetched ahead of being read, shared evenly by the partitions.
    public var prefetchBytes = 32 << 20
    /// Bytes that the records of one batch may have when decompressed: bounds what a small batch can cost.
    public var maximumDecompressedBytes = 256 << 20
    /// Whether to compare the records' checksums (`check.crcs`).
    public var verifiesChecksums = true

    /// A configuration with the defaults.
    public init(client: ClientConfiguration, assignments: [Assignment]) {
        self.client = client
        self.assignments = assignments
    }

    /// A configuration for a member of a group, with the defaults.
    public init(client: ClientConfiguration, group: GroupConfiguration) {
        self.client = client
        assignments = []
        self.group = group
    }
}

extension ConsumerConfiguration {
    /// What is to be done about an offset that does not exist, in a group or outside of one.
    var effectiveOutOfRange: OutOfRangePolicy {
        guard outOfRange == .fail, let group else { return outOfRange }
        switch group.start {
        case nil: return .fail
        case .end: return .end
        case .beginning, .offset, .last, .time: return .beginning
        }
    }
}
