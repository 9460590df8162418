import Groups
import Model

/// The topics of one moment as consumer groups see them. Immutable.
struct TopicView: ConsumerTopics {
    let topics: Topics
    let patterns: TopicPatterns

    var revision: UInt64 { topics.revision }

    func topic(named name: String) -> ConsumerTopic? { topics[name].map(Self.topic) }

    func topic(_ id: TopicID) -> ConsumerTopic? { topics[id].map(Self.topic) }

    private static func topic(_ topic: HostedTopic) -> ConsumerTopic {
        ConsumerTopic(name: topic.name, id: topic.id, partitions: Int32(clamping: topic.partitions.count))
    }

    func names(matching pattern: String) -> [String]? { patterns.names(matching: pattern, of: topics) }
}

/// The regular expressions that consumer groups have subscribed with, compiled, and the topics that they match. Thread-safe;
/// its state is owned by a lock, under which nothing is compiled or matched.
final class TopicPatterns: Sendable {
    /// Expressions that are kept. If there are more, all are forgotten and compiled again when they are asked for.
    static let capacity = 1_000

    private struct Entry {
        let pattern: TopicPattern
        var revision: UInt64
        var names: [String]
    }

    private let entries = Locked<[String: Entry]>([:])

    /// The names of the topics that the expression matches, in order; nil if it is none.
    func names(matching text: String, of topics: Topics) -> [String]? {
        let known = entries.withLock { $0[text] }
        if let known, known.revision == topics.revision { return known.names }
        guard let pattern = known?.pattern ?? TopicPattern(text) else { return nil }
        let names = topics.byName.values.filter { !$0.isInternal && pattern.matches($0.name) }.map(\.name).sorted()
        entries.withLock { entries in
            if entries.count >= Self.capacity, entries[text] == nil { entries = [:] }
            entries[text] = Entry(pattern: pattern, revision: topics.revision, names: names)
        }
        return names
    }
}
