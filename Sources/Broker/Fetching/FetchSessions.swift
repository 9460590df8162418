import Model
import Wire

/// The fetch sessions of all clients (KIP-227), bounded in number and in the partitions they hold. Thread-safe.
final class FetchSessions: Sendable {
    /// A session idle for so long may make room for a new one (Kafka's min.incremental.fetch.session.eviction.ms).
    static let evictableAfter = Duration.seconds(120)

    /// The epochs that do not continue a session.
    private enum Epoch {
        static let initial: Int32 = 0
        static let final: Int32 = -1
    }

    private let slots: Int
    /// Partitions in all sessions together.
    private let maximumPartitions: Int
    private let time: any TimeSource
    private let sessions = Locked<[Int32: FetchSession]>([:])

    /// - Parameter slots: `max.incremental.fetch.session.cache.slots`.
    init(slots: Int, maximumPartitions: Int = 1_000_000, time: any TimeSource) {
        self.slots = slots
        self.maximumPartitions = maximumPartitions
        self.time = time
    }

    /// What a fetch has to do. Throws the error that the whole request gets.
    func plan(_ request: FetchRequest, version: Int16, maximumBytes: Int) throws(FetchRefusal) -> FetchPlan {
        let targets = request.topics.flatMap { topic in topic.partitions.map { FetchTarget(topic, $0) } }
        if request.sessionEpoch == Epoch.initial || request.sessionEpoch == Epoch.final || version < 7 {
            if request.sessionID != 0 { sessions.withLock { $0[request.sessionID] = nil } }
            let session = request.sessionEpoch == Epoch.initial && version >= 7 ? open(targets, version) : nil
            return make(request, version, maximumBytes, targets, session, isIncremental: false)
        }
        guard let session = sessions.withLock({ $0[request.sessionID] }) else {
            throw FetchRefusal(.fetchSessionIdNotFound)
        }
        guard session.usesTopicIDs == (version >= 13) else { throw FetchRefusal(.fetchSessionTopicIdError) }
        let forgotten = request.forgottenTopics.flatMap { topic in
            topic.partitions.map { FetchTarget.Key(topicName: topic.name, topicID: topic.topicID, index: $0) }
        }
        let before = session.partitionCount
        let all = session.advance(
            epoch: request.sessionEpoch,
            changed: targets,
            forgotten: forgotten,
            now: time.instant
        )
        guard let all else { throw FetchRefusal(.invalidFetchSessionEpoch) }
        guard session.partitionCount <= before || hasRoom(for: 0) else {
            // The client goes on with a full fetch, for which there is no room either: so without a session.
            sessions.withLock { $0[session.id] = nil }
            throw FetchRefusal(.fetchSessionIdNotFound)
        }
        if all.isEmpty {
            sessions.withLock { $0[session.id] = nil }
            return make(request, version, maximumBytes, [], nil, isIncremental: true)
        }
        return make(request, version, maximumBytes, all, session, isIncremental: true)
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
            targets: targets,
            session: session,
            sessionID: session?.id ?? 0,
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
        let now = time.instant
        return sessions.withLock { sessions in
            if sessions.count >= slots, !evict(from: &sessions, now: now) { return nil }
            guard !targets.isEmpty, hasRoom(for: targets.count, sessions) else { return nil }
            var id: Int32
            repeat { id = Int32.random(in: 1 ... .max) } while sessions[id] != nil
            let session = FetchSession(id: id, usesTopicIDs: version >= 13, targets: targets, now: now)
            sessions[id] = session
            return session
        }
    }

    private func hasRoom(for additional: Int) -> Bool {
        sessions.withLock { hasRoom(for: additional, $0) }
    }

    private func hasRoom(for additional: Int, _ sessions: [Int32: FetchSession]) -> Bool {
        sessions.values.reduce(additional) { $0 + $1.partitionCount } <= maximumPartitions
    }

    private func evict(from sessions: inout [Int32: FetchSession], now: Instant) -> Bool {
        guard let oldest = sessions.values.min(by: { $0.lastUsed < $1.lastUsed }),
            oldest.lastUsed.duration(to: now) >= Self.evictableAfter
        else { return false }
        sessions[oldest.id] = nil
        return true
    }
}

/// Why a whole fetch is refused. Immutable.
struct FetchRefusal: Error, Equatable {
    let code: ErrorCode

    init(_ code: ErrorCode) { self.code = code }
}
