import Model

/// `partition.metadata`, Kafka's: which topic the directory belongs to. Immutable.
///
///     version: 0
///     topic_id: cbWpNn6IQvC8ZMyJHpTL1w
///     crc32c: 7a1f0c3e
///
/// The third line, which Kafka does not read, has a checksum of the others. Where Kafka has written the file there is none.
/// The id's second copy is in the catalogue.
struct PartitionMetadata: Equatable {
    static let version = "0"
    static let maximumBytes = 4096

    let topicID: TopicID

    var text: String {
        let text = "version: \(Self.version)\ntopic_id: \(topicID)\n"
        return "\(text)crc32c: \(TextChecksum.hexadecimal(of: text))\n"
    }

    init(topicID: TopicID) { self.topicID = topicID }

    /// Reads what ``text`` writes. `path` is for the error only.
    init(_ text: String, path: String) throws(LogError) {
        var fields: [Substring: String] = [:]
        for line in text.split(separator: "\n") {
            guard let colon = line.firstIndex(of: ":") else { throw .corrupt(path: path, "a line has no colon") }
            fields[line[..<colon]] = line[line.index(after: colon)...].drop { $0 == " " }.filter { $0 != "\r" }
        }
        if let checksum = fields["crc32c"] {
            let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
            guard checksum == TextChecksum.hexadecimal(of: lines.prefix(2).map { "\($0)\n" }.joined()) else {
                throw .corrupt(path: path, "its checksum is wrong")
            }
        }
        guard fields["version"] == Self.version else {
            throw .unsupportedFormat(
                path: path,
                "its version is '\(fields["version"]?.prefix(20) ?? "")', known is \(Self.version)"
            )
        }
        guard let id = fields["topic_id"].flatMap({ TopicID($0) }) else {
            throw .corrupt(path: path, "it has no topic_id")
        }
        topicID = id
    }

    /// Whether Kafka has written the text, and not this broker.
    static func isForeign(_ text: String) -> Bool {
        !text.split(separator: "\n").contains { $0.hasPrefix("crc32c:") }
    }
}
