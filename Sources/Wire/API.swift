/// The number of a Kafka API. A struct, because a peer may send any number. Immutable.
package struct APIKey: RawRepresentable, Hashable, Comparable, Sendable {
    package let rawValue: Int16

    package init(rawValue: Int16) { self.rawValue = rawValue }

    package static func < (left: APIKey, right: APIKey) -> Bool { left.rawValue < right.rawValue }

    package static let produce = APIKey(rawValue: 0)
    package static let fetch = APIKey(rawValue: 1)
    package static let listOffsets = APIKey(rawValue: 2)
    package static let metadata = APIKey(rawValue: 3)
    package static let offsetCommit = APIKey(rawValue: 8)
    package static let offsetFetch = APIKey(rawValue: 9)
    package static let findCoordinator = APIKey(rawValue: 10)
    package static let joinGroup = APIKey(rawValue: 11)
    package static let heartbeat = APIKey(rawValue: 12)
    package static let leaveGroup = APIKey(rawValue: 13)
    package static let syncGroup = APIKey(rawValue: 14)
    package static let describeGroups = APIKey(rawValue: 15)
    package static let listGroups = APIKey(rawValue: 16)
    package static let apiVersions = APIKey(rawValue: 18)
    package static let createTopics = APIKey(rawValue: 19)
    package static let deleteTopics = APIKey(rawValue: 20)
    package static let deleteRecords = APIKey(rawValue: 21)
    package static let initProducerID = APIKey(rawValue: 22)
    package static let offsetForLeaderEpoch = APIKey(rawValue: 23)
    package static let describeConfigs = APIKey(rawValue: 32)
    package static let describeLogDirs = APIKey(rawValue: 35)
    package static let createPartitions = APIKey(rawValue: 37)
    package static let deleteGroups = APIKey(rawValue: 42)
    package static let incrementalAlterConfigs = APIKey(rawValue: 44)
    package static let offsetDelete = APIKey(rawValue: 47)
    package static let describeCluster = APIKey(rawValue: 60)
    package static let consumerGroupHeartbeat = APIKey(rawValue: 68)
    package static let consumerGroupDescribe = APIKey(rawValue: 69)
    package static let describeTopicPartitions = APIKey(rawValue: 75)

    /// Keys of APIs that only Martlet has: far above Kafka's, which are given out one after the other and stay below 100
    /// for now, and far below the largest. Announced like the others; clients ignore what they do not know.
    package static let privateRange: ClosedRange<Int16> = 10_000...10_999
    package static let explainTopic = APIKey(rawValue: 10_001)
    package static let applyRetention = APIKey(rawValue: 10_002)
    package static let compactTopic = APIKey(rawValue: 10_003)
    package static let describeHealth = APIKey(rawValue: 10_004)
    package static let groupHistory = APIKey(rawValue: 10_005)

    /// Whether no other Kafka implementation has this API.
    package var isPrivate: Bool { Self.privateRange.contains(rawValue) }
}

/// One API of the protocol: its number and name, the versions this code speaks, and from which version on its
/// messages are "flexible" (compact lengths and tagged fields, KIP-482). Immutable.
package struct API: Sendable {
    package let key: APIKey
    /// Kafka's name of the API, for example `OffsetForLeaderEpoch`.
    package let name: String
    package let versions: ClosedRange<Int16>
    /// The first flexible version; nil if none is.
    package let flexibleFrom: Int16?
    /// The lowest version that is announced, where it is not the lowest spoken: KAFKA-18659 needs Produce 0.
    package let lowestAnnounced: Int16
    /// The highest version that is announced, where it is not the highest spoken: clients open with an ApiVersions of
    /// their own newest version.
    package let highestAnnounced: Int16

    package init(
        _ key: APIKey,
        _ name: String,
        versions: ClosedRange<Int16>,
        flexibleFrom: Int16?,
        lowestAnnounced: Int16? = nil,
        highestAnnounced: Int16? = nil
    ) {
        self.key = key
        self.name = name
        self.versions = versions
        self.flexibleFrom = flexibleFrom
        self.lowestAnnounced = lowestAnnounced ?? versions.lowerBound
        self.highestAnnounced = highestAnnounced ?? versions.upperBound
    }

    package func isFlexible(_ version: Int16) -> Bool {
        guard let flexibleFrom else { return false }
        return version >= flexibleFrom
    }

    /// The version of the response's header: 1 (with tagged fields) for flexible versions, but always 0 for
    /// ApiVersions, whose client does not know yet what the broker speaks (KIP-511).
    package func hasFlexibleResponseHeader(_ version: Int16) -> Bool {
        key != .apiVersions && isFlexible(version)
    }
}

/// A part of a message: anything with fields. Each field is declared once, in ``code(_:)``, from which reading,
/// writing, sampling and describing follow.
package protocol WireStruct: Equatable, Sendable, WireElement {
    /// Runs every field through the coder, in the order of the wire, with the versions in which it exists.
    mutating func code(_ wire: inout WireCoder) throws(WireError)
}

/// The body of a request.
package protocol WireRequest: WireStruct {
    associatedtype Response: WireStruct
    static var api: API { get }
}
