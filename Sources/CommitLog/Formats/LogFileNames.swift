package import Model

/// The names of the files in a partition's directory and of the directory itself, all Kafka's.
///
///     00000000000000000042.log         batches from offset 42 on, as on the wire
///     00000000000000000042.index       offset index of that segment
///     00000000000000000042.timeindex   time index of that segment
///     00000000000000000042.snapshot    producer state just before offset 42
///     segments.manifest                which segments are live
///     leader-epoch-checkpoint          where each leader epoch began
///     leader-epoch-checkpoint.previous the same before the last change, in case the last one is damaged
///     partition.metadata               the topic's id
package enum LogFileNames {
    static let log = ".log"
    static let offsetIndex = ".index"
    static let timeIndex = ".timeindex"
    static let snapshot = ".snapshot"
    /// A file that is being written and not valid yet.
    static let temporary = ".tmp"
    /// What a small file was before it was replaced the last time.
    static let previous = ".previous"
    /// What recovery cut off; kept for a human's eyes, never opened.
    static let discarded = ".discarded"
    /// A segment's file that compaction has written and that does not have its final name yet.
    static let cleaned = ".cleaned"
    /// A segment that was deleted and whose space is not free yet.
    static let putAside = ".deleted"
    static let leaderEpochs = "leader-epoch-checkpoint"
    static let partitionMetadata = "partition.metadata"
    /// A partition's directory that is about to be removed.
    static let deleted = "-delete"
    /// A partition's directory that belongs to nobody, but holds records.
    static let stray = "-stray"
    /// The longest name a file system takes.
    static let maximumLength = 255
    /// The largest offset that a file or a checkpoint may speak of: what is reckoned with it must not overflow.
    static let maximumOffset = Offset(Int64.max - 1 << 40)
    /// Digits of an offset in a name.
    private static let digits = 20

    /// `00000000000000000042` + suffix.
    static func name(_ offset: Offset, _ suffix: String) -> String {
        let number = String(offset.rawValue)
        return String(repeating: "0", count: max(0, digits - number.utf8.count)) + number + suffix
    }

    /// The offset in a name that ends with `suffix`; nil for any other name.
    static func offset(in name: String, _ suffix: String) -> Offset? {
        guard name.utf8.count == digits + suffix.utf8.count, name.hasSuffix(suffix) else { return nil }
        let number = name.utf8.prefix(digits)
        guard number.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else { return nil }
        guard let value = Int64(String(name.prefix(digits))), Offset(value) <= maximumOffset else { return nil }
        return Offset(value)
    }

    /// The partition whose directory has this name; nil for any other name.
    package static func topicPartition(ofDirectory name: String) -> TopicPartition? {
        guard let dash = name.lastIndex(of: "-") else { return nil }
        let topic = String(name[..<dash])
        let number = String(name[name.index(after: dash)...])
        guard TopicName.problem(with: topic) == nil, let partition = Int32(number), partition >= 0,
            String(partition) == number
        else { return nil }
        return TopicPartition(topic, partition)
    }

    /// The name a partition's directory gets when it is deleted, or belongs to nobody: `<topic>-<partition>.<unique>-delete`
    /// or `-stray`. The topic is cut where the name would be too long.
    static func retiredDirectory(_ partition: TopicPartition, unique: TopicID, _ suffix: String) -> String {
        let hexadecimal = [unique.high, unique.low].map { half in
            let text = String(half, radix: 16)
            return String(repeating: "0", count: 16 - text.utf8.count) + text
        }
        let end = "-\(partition.partition).\(hexadecimal.joined())\(suffix)"
        return partition.topic.prefix(maximumLength - end.utf8.count) + end
    }
}
