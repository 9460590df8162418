import Model
import Wire

/// What a client fetches again and again, remembered so that it need not say it again (KIP-227). Thread-safe.
///
/// Its logs tell ``news`` when they change, so that a fetch looks at those only. The lock is held while a fetch looks at
/// its partitions, before all locks of logs; nothing that logs tell takes it.
final class FetchSession: Sendable {
    let id: Int32
    /// Whether the client names topics by id.
    let usesTopicIDs: Bool
    let news = FetchNews()

    private struct State {
        /// The epoch the next request must have.
        var epoch: Int32 = 1
        var partitions: [FetchTarget.Key: SessionPartition] = [:]
        var lastUsed: Instant
        /// What the partitions that are not listed were found to have nothing new under.
        var topics: UInt64?
        var readsCommittedOnly = false
        var isOver = false
    }

    private let state: Locked<State>

    init(id: Int32, usesTopicIDs: Bool, targets: [FetchTarget], now: Instant) {
        self.id = id
        self.usesTopicIDs = usesTopicIDs
        var state = State(lastUsed: now)
        for target in targets { Self.put(target, in: &state, news) }
        self.state = Locked(state)
    }

    var partitionCount: Int { state.withLock { $0.partitions.count } }

    var lastUsed: Instant { state.withLock { $0.lastUsed } }

    /// Applies an incremental request. Returns by how many partitions the session has grown, or nil if the epoch is not
    /// the expected one.
    func advance(epoch: Int32, changed: [FetchTarget], forgotten: [FetchTarget.Key], now: Instant) -> Int? {
        state.withLock { state in
            guard state.epoch == epoch else { return nil }
            state.epoch = epoch == .max ? 1 : epoch + 1
            state.lastUsed = now
            let before = state.partitions.count
            for target in changed { Self.put(target, in: &state, news) }
            for key in forgotten { Self.remove(key, from: &state) }
            if !forgotten.isEmpty {
                // What was forgotten may be listed.
                let partitions = state.partitions
                news.putBack(news.take().filter { partitions[$0.target.key] === $0 }[...], [], last: [])
            }
            return state.partitions.count - before
        }
    }

    /// What a look at a partition came to.
    enum Standing {
        /// There is nothing to say of it until its log changes.
        case quiet
        /// There is something to say of it, or it is to be looked at again.
        case news
        /// Records of it are sent: others go first next time.
        case served
    }

    /// Looks at each partition that there may be news of, in the order in which they are to be served; at all of them if
    /// the response is to have all. `look` returns nil when it has seen enough.
    func lookAround(
        _ plan: FetchPlan,
        _ topics: Topics,
        _ look: (SessionPartition, FetchedPartition) -> Standing?
    ) {
        state.withLock { state in
            let isStale = state.topics != topics.revision
            if isStale { for partition in state.partitions.values { partition.place = nil } }
            if isStale || !plan.isIncremental || state.readsCommittedOnly != plan.readsCommittedOnly {
                news.list(state.partitions.values)
            }
            state.topics = topics.revision
            state.readsCommittedOnly = plan.readsCommittedOnly
            let listed = news.take()
            var unsaid: [SessionPartition] = []
            var served: [SessionPartition] = []
            var number = 0
            while number < listed.count {
                let partition = listed[number]
                let place = partition.place ?? topics.find(partition.target, byID: usesTopicIDs)
                partition.place = place
                // First, so that nothing that happens while it is looked at is missed.
                if !state.isOver, case .hosted(let hosted) = place, let log = hosted.readable { partition.observe(log) }
                guard let standing = look(partition, place) else { break }
                number += 1
                switch standing {
                case .quiet: continue
                case .news: unsaid.append(partition)
                case .served: served.append(partition)
                }
            }
            if !state.isOver { news.putBack(listed[number...], unsaid, last: served) }
        }
    }

    /// Remembers what the client is being told.
    func noteTold(_ results: [FetchRound.Result]) {
        state.withLock { _ in
            for result in results { result.partition?.target.noteTold(result.answer) }
        }
    }

    /// Lets go of the logs: the session is not used any more.
    func end() {
        state.withLock { state in
            state.isOver = true
            for partition in state.partitions.values { partition.stopObserving() }
            news.removeAll()
        }
    }

    private static func put(_ target: FetchTarget, in state: inout State, _ news: FetchNews) {
        let key = target.key
        if let partition = state.partitions[key] {
            partition.target.update(from: target)
            news.list(CollectionOfOne(partition))
        } else {
            let partition = SessionPartition(target, news)
            state.partitions[key] = partition
            news.list(CollectionOfOne(partition))
        }
    }

    private static func remove(_ key: FetchTarget.Key, from state: inout State) {
        state.partitions.removeValue(forKey: key)?.stopObserving()
    }
}
