/// Limits and reasons that several configurations share.
enum ConfigLimits {
    /// Kafka's own minimum since 4.0 (KIP-1030).
    static let minimumSegmentBytes: Int64 = 1 << 20

    /// A configuration file is a few kilobytes; what is larger is some other file.
    static let maximumFileBytes = 1 << 20

    static let noReplication = "partitions have one replica"
    static let noRemoteStorage = "there is no remote storage"

    /// Kafka's form of a list of throttled replicas: empty, `*`, or `partition:broker` each.
    @Sendable
    static func throttledReplicasProblem(_ text: String) -> String? {
        if text.isEmpty || text == "*" { return nil }
        let isList = text.split(separator: ",", omittingEmptySubsequences: false).allSatisfy { item in
            let parts = item.split(separator: ":", omittingEmptySubsequences: false)
            return parts.count == 2 && parts.allSatisfy { UInt32($0) != nil }
        }
        return isList ? nil : "Must be the literal '*' or a list of replicas in the form partition:broker"
    }
}

/// The codecs and levels a topic can ask for. Levels as in Kafka's validators (KIP-390).
enum CodecLevels {
    static let topicCodecs = ["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"]
    static let gzip = ConfigRule.ranges([1...9, -1...(-1)])
    static let lz4 = ConfigRule.between(1, 17)
    static let zstd = ConfigRule.between(-131_072, 22)
    static let missing = "records are kept in the codec in which the producer sent them"
}
