import CommitLog
import Groups
import Logging
package import Model

/// Coordinates all groups: finds the shard of each, makes and loads `__consumer_offsets`, and looks after time.
/// Thread-safe.
package final class GroupCoordinator: Sendable {
    package static let topicName = "__consumer_offsets"

    /// So long there is no second warning about the same group.
    private static let warningInterval = Duration.seconds(600)

    /// Shards that are loaded side by side.
    private static let loadingThreads = 4

    /// What a request finds.
    enum Access: Sendable {
        case ready(GroupShards)
        /// There is no `__consumer_offsets`, so there are no groups.
        case absent
        case failed(ErrorCode)
    }

    private typealias Waiting = @Sendable (Access) -> Void

    private enum State {
        case unknown
        case preparing([Waiting])
        case ready(GroupShards)
        case stopped
    }

    private let settings: GroupSettings
    private let topics: TopicRegistry
    private let health: Health
    private let time: any TimeSource
    private let log: Logger
    private let memory = GroupMemory()
    private let state = Locked(State.unknown)
    private let complaints = Complaints(interval: GroupCoordinator.warningInterval)
    private let worker = WorkerPool("groups", threads: 1)
    private let clock: GroupClock
    private let patterns = TopicPatterns()
    /// The configurations of single groups.
    let configurations = GroupConfigurations()

    init(
        settings: GroupSettings,
        topics: TopicRegistry,
        health: Health,
        time: any TimeSource,
        log: Logger
    ) {
        self.settings = settings
        self.topics = topics
        self.health = health
        self.time = time
        self.log = log
        clock = GroupClock(time: time)
    }

    // MARK: Life

    /// Loads what is there, and starts to look after time.
    func start(_ broker: Broker) {
        clock.start { [self] in tick() }
        access(broker, creating: false) { _ in }
    }

    /// Ends the threads. Requests that still wait get no answer: their connections are closed before.
    func stop() {
        clock.stop()
        for shard in shards { shard.close() }
        state.withLock { $0 = .stopped }
        worker.stop()
    }

    // MARK: Access

    /// Hands the shards to `body`: now, or once they are loaded, on another thread.
    ///
    /// - Parameter creating: Whether to make `__consumer_offsets` if it is not there.
    func access(_ broker: Broker, creating: Bool, _ body: @escaping @Sendable (Access) -> Void) {
        let topicID = topics.snapshot[Self.topicName]?.id
        if topicID == nil, !creating { return body(.absent) }
        let (found, mustPrepare): (Access?, Bool) = state.withLock { state in
            switch state {
            case .stopped: return (.failed(.coordinatorNotAvailable), false)
            case .ready(let shards) where shards.topicID == topicID: return (.ready(shards), false)
            case .preparing(let waiting):
                state = .preparing(waiting + [body])
                return (nil, false)
            // Or the topic has been deleted, and perhaps made anew.
            case .unknown, .ready:
                state = .preparing([body])
                return (nil, true)
            }
        }
        if let found { return body(found) }
        if mustPrepare { prepare(broker) }
    }

    private func prepare(_ broker: Broker) {
        broker.control.submit { [self] in
            do throws(RequestError) {
                try createTopic(broker)
            } catch {
                log.error("\(Self.topicName) cannot be made: \(error)")
                return finish(.failed(.coordinatorNotAvailable))
            }
            // After a start, its partitions are opened while requests come already.
            worker.submit { [self] in
                broker.waitUntilOpen()
                load()
            }
        }
    }

    /// On the control thread.
    private func createTopic(_ broker: Broker) throws(RequestError) {
        guard topics.snapshot[Self.topicName] == nil else { return }
        let bytes = String(settings.topicSegmentBytes)
        let new = NewTopic(
            name: Self.topicName,
            partitionCount: settings.topicPartitions,
            replicationFactor: 1,
            assignments: [],
            configs: [
                ("cleanup.policy", "compact"), ("compression.type", "producer"), ("segment.bytes", bytes),
                // A large group is one record.
                ("max.message.bytes", bytes),
            ]
        )
        try broker.administration.create(new, validateOnly: false)
    }

    private func load() {
        guard let topic = topics.snapshot[Self.topicName] else { return finish(.failed(.coordinatorNotAvailable)) }
        let start = time.instant
        let known = topics.snapshot
        let environment = GroupShard.Environment(
            context: { [self] in context(of: $0) },
            time: time,
            log: log,
            health: health,
            complaints: complaints,
            memory: memory,
            worker: worker,
            wake: { [clock] in clock.wake(at: $0) }
        )
        let loaded = GroupShards(topicID: topic.id, shards: loadAll(topic.partitions, known, environment))
        let count = loaded.all.reduce(0) { $0 + $1.ids.count }
        if count > 0 { log.info("loaded \(count) groups in \(start.duration(to: time.instant))") }
        // What was deleted while nobody could be told: up to now, and just before the groups were ready.
        var left = topics.snapshot
        for (name, topic) in known.byName where left[name]?.id != topic.id { forget(name, in: loaded.all) }
        finish(.ready(loaded))
        left = topics.snapshot
        for name in known.byName.keys where left[name] == nil { topicDeleted(name) }
        clock.wake(at: time.instant)
    }

    /// Loads the shards side by side: with many offsets that is work for more than one core.
    private func loadAll(
        _ partitions: [HostedPartition],
        _ known: Topics,
        _ environment: GroupShard.Environment
    ) -> [GroupShard?] {
        let shards = Locked([GroupShard?](repeating: nil, count: partitions.count))
        let loaders = WorkerPool("group-loading", threads: Self.loadingThreads)
        for (number, partition) in partitions.enumerated() {
            loaders.submit { [self] in
                let shard = load(partition, known, environment)
                shards.withLock { $0[number] = shard }
            }
        }
        // Ends when all is done.
        loaders.stop()
        return shards.withLock { $0 }
    }

    private func load(
        _ partition: HostedPartition,
        _ known: Topics,
        _ environment: GroupShard.Environment
    ) -> GroupShard? {
        do {
            let shard = try GroupShard(try partition.log(), environment)
            // What a crash has left of topics whose deletion was under way.
            shard.handleAll { group, _, step in group.forgetTopics({ known[$0] == nil }, &step) }
            return shard
        } catch {
            let name = partition.topicPartition
            log.error("the groups of \(name) are not available: \(error)")
            health.report(.groupsOffline, name.description, partition: name, reason: "\(error)")
            return nil
        }
    }

    /// What a group decides by now.
    private func context(of group: GroupID) -> GroupContext {
        let consumer = configurations.settings(of: group, over: settings)
        let rules = GroupRules(classic: settings.classic, consumer: consumer, topics: topicsOfNow)
        return GroupContext(rules: rules, offsets: settings.offsets)
    }

    /// The topics, with the regular expressions that were asked for.
    var topicsOfNow: TopicView { TopicView(topics: topics.snapshot, patterns: patterns) }

    private func finish(_ access: Access) {
        let waiting = state.withLock { state in
            guard case .preparing(let waiting) = state else { return [Waiting]() }
            if case .ready(let shards) = access { state = .ready(shards) } else { state = .unknown }
            return waiting
        }
        for body in waiting { body(access) }
    }

    private var shards: [GroupShard] {
        state.withLock { state in
            if case .ready(let shards) = state { return shards.all } else { return [] }
        }
    }

    // MARK: Time

    /// Fires timers that are due, and looks for offsets that are of no use any more when it is time for that. Returns
    /// when to look again.
    private func tick() -> Instant {
        if clock.isExpiryDue(every: settings.expiryInterval) { expire() }
        return min(fireTimers() ?? clock.nextExpiry, clock.nextExpiry)
    }

    /// Fires timers that are due. Returns when the next one is.
    @discardableResult
    package func fireTimers() -> Instant? { shards.compactMap { $0.fireTimers() }.min() }

    /// Forgets offsets and groups that are of no use any more.
    package func expire() {
        let known = topics.snapshot
        let isValid = { (partition: TopicPartition, offset: Offset) -> Bool in
            guard let hosted = known[partition.topic]?.partition(partition.partition) else { return false }
            // What is offline may come back.
            guard let log = hosted.openLog else { return true }
            return offset >= log.offsets.logStart
        }
        for shard in shards {
            shard.handleAll { group, context, step in group.expire(context.offsets, isValid: isValid, &step) }
        }
    }

    /// Forgets the offsets of a topic that was deleted.
    func topicDeleted(_ name: String) { forget(name, in: shards) }

    private func forget(_ topic: String, in shards: [GroupShard]) {
        for shard in shards { shard.handleAll { group, _, step in group.forgetTopics({ $0 == topic }, &step) } }
    }
}
