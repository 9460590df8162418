import Model
import Wire

/// The fetch sessions of all clients (KIP-227), bounded in number and in the partitions they hold. Thread-safe.
final class FetchSessions: Sendable {
    /// A session idle for so long may make room for a new one (Kafka's min.incremental.fetch.session.eviction.ms).
    static let evictableAfter = Duration.seconds(120)

    /// How long no session is looked for that could make room, after there was a fetch waiting in each.
    private static let allWaitedForPause = Duration.seconds(1)

    /// The epochs that do not continue a session.
    private enum Epoch {
        static let initial: Int32 = 0
        static let final: Int32 = -1
    }

    private struct State {
        var sessions: [Int32: FetchSession] = [:]
        /// Partitions in all sessions together.
        var partitions = 0
        /// Before this, no session was idle for long enough when last looked for.
        var nextEviction: Instant?
    }

    private let slots: Int
    /// Partitions in all sessions together.
    private let maximumPartitions: Int
    private let time: any TimeSource
    private let state = Locked(State())

    /// - Parameter slots: `max.incremental.fetch.session.cache.slots`.
    init(slots: Int, maximumPartitions: Int = 1_000_000, time: any TimeSource) {
        self.slots = slots
        self.maximumPartitions = maximumPartitions
        self.time = time
    }

    /// What a fetch has to do. Throws the error that the whole request gets.
    func plan(_ request: FetchRequest, version: Int16, maximumBytes: Int) throws(FetchRefusal) -> FetchPlan {
        let targets = Self.targets(of: request)
        if request.sessionEpoch == Epoch.initial || request.sessionEpoch == Epoch.final || version < 7 {
            if request.sessionID != 0 { remove(request.sessionID) }
            let session = request.sessionEpoch == Epoch.initial && version >= 7 ? open(targets, version) : nil
            return make(request, version, maximumBytes, targets, session, isIncremental: false)
        }
        guard let session = session(request.sessionID) else {
            throw FetchRefusal(.fetchSessionIdNotFound)
        }
        guard session.usesTopicIDs == (version >= 13) else { throw FetchRefusal(.fetchSessionTopicIdError) }
        let forgotten = request.forgottenTopics.flatMap { topic in
            topic.partitions.map { FetchTarget.Key(topicName: topic.name, topicID: topic.topicID, index: $0) }
        }
        let growth = session.advance(
            epoch: request.sessionEpoch,
            changed: targets,
            forgotten: forgotten,
            now: time.instant
        )
        guard let growth else { throw FetchRefusal(.invalidFetchSessionEpoch) }
        guard growth == 0 || hasRoom(for: session, growth) else {
            // The client goes on with a full fetch, for which there is no room either: so without a session.
            remove(session.id)
            throw FetchRefusal(.fetchSessionIdNotFound)
        }
        if growth < 0, session.partitionCount == 0 {
            remove(session.id)
            return make(request, version, maximumBytes, [], nil, isIncremental: true)
        }
        return make(request, version, maximumBytes, [], session, isIncremental: true)
    }

    /// The session of that id, if there is one.
    func session(_ id: Int32) -> FetchSession? { state.withLock { $0.sessions[id] } }

    private static func targets(of request: FetchRequest) -> [FetchTarget] {
        var targets: [FetchTarget] = []
        targets.reserveCapacity(request.topics.reduce(0) { $0 + $1.partitions.count })
        for topic in request.topics {
            for partition in topic.partitions { targets.append(FetchTarget(topic, partition)) }
        }
        return targets
    }

    private func make(
        _ request: FetchRequest,
        _ version: Int16,
        _ maximumBytes: Int,
        _ targets: [FetchTarget],
        _ session: FetchSession?,
        isIncremental: Bool
    ) -> FetchPlan {
        // More than the response may have is not waited for.
        let limit = max(0, min(Int(request.maximumBytes), maximumBytes))
        return FetchPlan(
            source: session.map { .session($0) } ?? .targets(targets),
            isIncremental: isIncremental,
            version: version,
            maximumBytes: limit,
            minimumBytes: min(Int(request.minimumBytes), limit),
            maximumWait: .milliseconds(Int64(max(0, request.maximumWaitMilliseconds))),
            readsCommittedOnly: request.isolationLevel == 1
        )
    }

    /// A new session; nil if there is no room: the client then fetches in full, which always works.
    private func open(_ targets: [FetchTarget], _ version: Int16) -> FetchSession? {
        guard !targets.isEmpty else { return nil }
        let now = time.instant
        let (session, evicted) = state.withLock { state -> (FetchSession?, FetchSession?) in
            var evicted: FetchSession?
            if state.sessions.count >= slots {
                evicted = Self.evict(from: &state, now: now)
                if evicted == nil { return (nil, nil) }
            }
            guard state.partitions + targets.count <= maximumPartitions else { return (nil, evicted) }
            var id: Int32
            repeat { id = Int32.random(in: 1 ... .max) } while state.sessions[id] != nil
            let session = FetchSession(id: id, usesTopicIDs: version >= 13, targets: targets, now: now)
            state.sessions[id] = session
            state.partitions += session.partitionCount
            return (session, evicted)
        }
        evicted?.end()
        return session
    }

    private func remove(_ id: Int32) {
        let session = state.withLock { state in
            let session = state.sessions.removeValue(forKey: id)
            if let session { state.partitions -= session.partitionCount }
            return session
        }
        session?.end()
    }

    /// Counts what a session has grown by; whether all sessions together still have no more than they may.
    private func hasRoom(for session: FetchSession, _ growth: Int) -> Bool {
        state.withLock { state in
            // One that is gone is not counted any more.
            guard state.sessions[session.id] === session else { return true }
            state.partitions += growth
            return growth <= 0 || state.partitions <= maximumPartitions
        }
    }

    /// Takes the session out that was not used for longest, if it was not for long. Where there are thousands of clients
    /// without a session, each of whose fetches asks for one, looking for it must be rare.
    private static func evict(from state: inout State, now: Instant) -> FetchSession? {
        if let next = state.nextEviction, now < next { return nil }
        let idle = state.sessions.values.filter { !$0.news.isWaitedFor }
        guard let oldest = idle.min(by: { $0.lastUsed < $1.lastUsed }) else {
            state.nextEviction = now.advanced(by: allWaitedForPause)
            return nil
        }
        let due = oldest.lastUsed.advanced(by: evictableAfter)
        state.nextEviction = due
        guard due <= now else { return nil }
        state.sessions[oldest.id] = nil
        state.partitions -= oldest.partitionCount
        return oldest
    }
}

/// Why a whole fetch is refused. Immutable.
struct FetchRefusal: Error, Equatable {
    let code: ErrorCode

    init(_ code: ErrorCode) { self.code = code }
}
