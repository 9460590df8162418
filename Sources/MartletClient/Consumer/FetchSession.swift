import Model
import Wire

/// What a broker remembers of a fetcher's partitions, so that each request tells only what has changed (KIP-227): a consumer
/// of a thousand partitions would otherwise name them all every time. A value, owned by the fetcher's task.
struct FetchSession {
    /// What the broker was told of a partition.
    private struct Told: Equatable {
        let offset: Int64
        let leaderEpoch: Int32
    }

    /// The part of a request that a session decides.
    struct Step: Equatable {
        let id: Int32
        let epoch: Int32
        /// The partitions to name, in the order of all.
        let changed: [FetchPlan.Item]
        let forgotten: [TopicPartition]

        /// Whether partitions that are not named are fetched too, and the answer leaves out those with nothing new.
        var isIncremental: Bool { epoch > 0 }
    }

    /// The first version of Fetch with sessions.
    static let firstVersion: Int16 = 7
    /// What a request says that wants no session.
    static let without = Step(id: 0, epoch: -1, changed: [], forgotten: [])

    private var id: Int32 = 0
    /// Counts the requests; 0 opens a session, or closes the one before and opens another.
    private var epoch: Int32 = 0
    private var told: [TopicPartition: Told] = [:]
    /// The topics' ids as the session has them: a topic that is created anew begins a new session.
    private var ids: [String: TopicID] = [:]

    /// What to ask for to fetch `items`.
    mutating func step(_ items: [FetchPlan.Item], _ metadata: ClusterMetadata, usesIDs: Bool) -> Step {
        let named = usesIDs ? Self.ids(items, metadata) : [:]
        let isSame = named.allSatisfy { name, id in (ids[name] ?? id) == id } && (epoch == 0 || usesIDs != ids.isEmpty)
        if !isSame { reset() }
        ids.merge(named) { $1 }
        var changed: [FetchPlan.Item] = []
        var wanted: Set<TopicPartition> = []
        for item in items {
            let new = Told(offset: item.offset, leaderEpoch: metadata.leaderEpoch(of: item.partition))
            wanted.insert(item.partition)
            if epoch == 0 || told[item.partition] != new { changed.append(item) }
            told[item.partition] = new
        }
        let forgotten = epoch == 0 ? [] : told.keys.filter { !wanted.contains($0) }.sorted()
        told = told.filter { wanted.contains($0.key) }
        return Step(id: id, epoch: epoch, changed: changed, forgotten: forgotten)
    }

    /// Takes note of an answer.
    ///
    /// - Parameter id: The session that the broker has for this fetcher; 0 if it has no room for one.
    mutating func answered(_ id: Int32) {
        self.id = id
        if id == 0 {
            reset()
        } else {
            epoch = epoch == .max ? 1 : epoch + 1
        }
    }

    /// Begins anew: the broker does not know the session any more, or may have missed a request.
    mutating func reset() {
        epoch = 0
        told = [:]
        ids = [:]
    }

    /// Errors of a whole answer that only say that the session is over.
    static let ends: Set<ErrorCode> = [.fetchSessionIdNotFound, .invalidFetchSessionEpoch, .fetchSessionTopicIdError]

    /// Forgets the session's number too, after the broker said that it has none of it.
    mutating func lose() {
        id = 0
        reset()
    }

    /// The partitions that a step takes out of the session, as requests say it.
    func forgottenTopics(_ step: Step) -> [FetchRequest.ForgottenTopic] {
        Dictionary(grouping: step.forgotten, by: \.topic).sorted { $0.key < $1.key }.map { name, partitions in
            var topic = FetchRequest.ForgottenTopic()
            topic.name = name
            topic.topicID = ids[name] ?? .zero
            topic.partitions = partitions.map(\.partition)
            return topic
        }
    }

    private static func ids(_ items: [FetchPlan.Item], _ metadata: ClusterMetadata) -> [String: TopicID] {
        var ids: [String: TopicID] = [:]
        for item in items { ids[item.partition.topic] = metadata.topics[item.partition.topic]?.id ?? .zero }
        return ids
    }
}

extension ClusterMetadata {
    /// The epoch of a partition's leader; −1 if it is not known.
    func leaderEpoch(of partition: TopicPartition) -> Int32 {
        topics[partition.topic]?.partition(partition.partition)?.leaderEpoch.rawValue ?? -1
    }
}
