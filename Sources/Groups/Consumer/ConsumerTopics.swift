package import Model

/// A topic as an assignment needs to know it. Immutable.
package struct ConsumerTopic: Hashable, Sendable {
    package let name: String
    package let id: TopicID
    package let partitions: Int32

    package init(name: String, id: TopicID, partitions: Int32) {
        self.name = name
        self.id = id
        self.partitions = partitions
    }
}

/// The topics there are at one moment, as the host sees them. Immutable.
///
/// Replicas' racks are not in it: Kafka's assignors on the server do not look at them either since 4.0.
package protocol ConsumerTopics: Sendable {
    /// Never the same for different topics, while the broker runs.
    var revision: UInt64 { get }
    /// The topic of that name, if there is one.
    func topic(named name: String) -> ConsumerTopic?
    /// The topic of that id, if there is one.
    func topic(_ id: TopicID) -> ConsumerTopic?
    /// The names of the topics, except the broker's own, that the regular expression matches as a whole, in order; nil if
    /// it is not a regular expression.
    func names(matching pattern: String) -> [String]?
}
