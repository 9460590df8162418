import Model

/// `partition.metadata`, Kafka's: which topic the directory belongs to. Immutable.
///
///     version: 0
///     topic_id: cbWpNn6IQvC8ZMyJHpTL1w
struct PartitionMetadata: Equatable {
    static let version = "0"
    static let maximumBytes = 4096

    let topicID: TopicID

    var text: String { "version: \(Self.version)\ntopic_id: \(topicID)\n" }

    init(topicID: TopicID) { self.topicID = topicID }

    /// Reads what ``text`` writes. `path` is for the error only.
    init(_ text: String, path: String) throws(LogError) {
        var fields: [Substring: String] = [:]
        for line in text.split(separator: "\n") {
            guard let colon = line.firstIndex(of: ":") else { throw .corrupt(path: path, "a line has no colon") }
            fields[line[..<colon]] = line[line.index(after: colon)...].drop { $0 == " " }.filter { $0 != "\r" }
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
}
