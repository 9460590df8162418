/// One partition of one topic, by name. Immutable.
package struct TopicPartition: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let topic: String
    package let partition: Int32

    package init(_ topic: String, _ partition: Int32) {
        self.topic = topic
        self.partition = partition
    }

    package static func < (left: TopicPartition, right: TopicPartition) -> Bool {
        (left.topic, left.partition) < (right.topic, right.partition)
    }

    /// `topic-partition`, which is also the name of the partition's directory.
    package var description: String { "\(topic)-\(partition)" }
}

/// The rule for topic names, Kafka's: 1 to 249 of `a-z A-Z 0-9 . _ -`, and neither `.` nor `..`.
///
/// Checked before a name is ever part of a path.
package enum TopicName {
    package static let maximumLength = 249

    /// Why `name` cannot be a topic's name, or nil if it can.
    package static func problem(with name: String) -> String? {
        let bytes = name.utf8
        if bytes.isEmpty { return "a topic name cannot be empty" }
        if bytes.count > maximumLength {
            return "a topic name has at most \(maximumLength) characters, this one has \(bytes.count)"
        }
        if name == "." || name == ".." { return "a topic cannot be named '\(name)'" }
        guard bytes.allSatisfy(isAllowed) else {
            return "a topic name is made of ASCII letters, digits, '.', '_' and '-' only"
        }
        return nil
    }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: false
        }
    }

    /// The name with `.` replaced by `_`: two topics with the same such form would share their metrics' names, so
    /// Kafka, and so we, refuse the second.
    package static func metricForm(of name: String) -> String {
        String(name.map { $0 == "." ? "_" : $0 })
    }
}
