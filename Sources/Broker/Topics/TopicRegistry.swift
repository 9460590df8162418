import Model

/// All topics of the moment, by name and by id. Immutable.
package struct Topics: Sendable {
    private(set) package var byName: [String: HostedTopic] = [:]
    private(set) var byID: [TopicID: HostedTopic] = [:]
    /// Counts the changes.
    fileprivate(set) var revision: UInt64 = 0

    subscript(_ name: String) -> HostedTopic? { byName[name] }

    subscript(_ id: TopicID) -> HostedTopic? { byID[id] }

    /// Adds the topic, in place of an earlier state of it.
    mutating func put(_ topic: HostedTopic) {
        byName[topic.name] = topic
        byID[topic.id] = topic
    }

    mutating func remove(_ topic: HostedTopic) {
        byName[topic.name] = nil
        byID[topic.id] = nil
    }

    /// The topics in the order of their names.
    package var sorted: [HostedTopic] { byName.values.sorted { $0.name < $1.name } }

    var partitionCount: Int { byName.values.reduce(0) { $0 + $1.partitions.count } }
}

/// Publishes the topics to the event loops: a request takes one snapshot and sees one state. Thread-safe.
///
/// Changed on the control thread only.
final class TopicRegistry: Sendable {
    private let topics = Locked(Topics())

    var snapshot: Topics { topics.withLock { $0 } }

    func publish(_ change: (inout Topics) -> Void) {
        topics.withLock { topics in
            change(&topics)
            topics.revision += 1
        }
    }
}
