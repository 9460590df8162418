import CommitLog
import Model
import NIOCore
import Wire

/// One pass over the partitions of a fetch: what there is to send now. A value; decides, does not wait.
struct FetchRound {
    /// What was found of one partition.
    struct Result {
        let target: FetchTarget
        let answer: FetchResponse.Partition
        /// The partition in its session, if there is one.
        let partition: SessionPartition?
    }

    /// The partitions' answers, in serving order. Within a session only those with news, unless all are to be told.
    private(set) var results: [Result] = []
    /// Bytes of records to send.
    private(set) var bytes = 0
    /// Bytes of records that are there, of each partition no more than is wanted of it: whole batches rarely add up to
    /// exactly as many as the client wants at least.
    private var readableBytes = 0
    /// Whether a partition has news that must not wait: an error or a diverging epoch.
    private(set) var isUrgent = false
    /// Ranges on disk that are not in the page cache; sending them now would block the event loop.
    private(set) var cold: [ColdRange] = []
    /// How much of them is wanted.
    private var coldBytes = 0
    /// No more than this is loaded for one fetch: it is answered with that much, and what is loaded should still be there
    /// when it is sent.
    static let mostColdBytes = 8 << 20
    /// The logs to wait for if this round finds too little, of a fetch without a session.
    private(set) var logs: [PartitionLog] = []

    private let plan: FetchPlan
    private let loaded: Set<TopicPartition>
    private let unreadable: [TopicPartition: LogError]

    /// - Parameters:
    ///   - loaded: Of these partitions, take ranges that are not in memory all the same, because they were just loaded.
    ///   - unreadable: What could not be loaded.
    init(
        _ plan: FetchPlan,
        topics: Topics,
        loaded: Set<TopicPartition> = [],
        unreadable: [TopicPartition: LogError] = [:]
    ) {
        self.plan = plan
        self.loaded = loaded
        self.unreadable = unreadable
        switch plan.source {
        case .targets(let targets):
            results.reserveCapacity(targets.count)
            for target in targets {
                let (answer, _) = read(target, topics.find(target, byID: plan.usesTopicIDs))
                results.append(Result(target: target, answer: answer, partition: nil))
            }
        case .session(let session):
            session.lookAround(plan, topics) { partition, place in look(partition, place) }
        }
    }

    /// Whether this round found what the fetch waits for.
    private var isEnough: Bool { isUrgent || readableBytes >= plan.minimumBytes || plan.isEmpty }

    /// Whether the fetch is answered with what this round found. What is in memory does not wait for what is not: the
    /// next fetch finds that loaded.
    var canBeAnswered: Bool { isEnough && (bytes > 0 || cold.isEmpty) }

    /// Looks at a partition of a session; nil if an incremental response is full, for which no more need be known.
    private mutating func look(_ partition: SessionPartition, _ place: FetchedPartition) -> FetchSession.Standing? {
        if plan.isIncremental, bytes > 0, bytes >= plan.maximumBytes { return nil }
        let target = partition.target
        let (answer, isAtEnd) = read(target, place)
        let isNews = target.isNews(answer)
        if isNews || !plan.isIncremental {
            results.append(Result(target: target, answer: answer, partition: partition))
        }
        if answer.records.length > 0 { return .served }
        return isNews || !isAtEnd ? .news : .quiet
    }

    /// Reads what there is; says as well whether it was looked for and there was nothing.
    private mutating func read(
        _ target: FetchTarget,
        _ place: FetchedPartition
    ) -> (answer: FetchResponse.Partition, isAtEnd: Bool) {
        var answer = FetchResponse.Partition()
        answer.index = target.index
        answer.highWatermark = -1
        answer.records = .bytes(.init())
        var isAtEnd = false
        switch place {
        case .unknownTopic: answer.errorCode = plan.usesTopicIDs ? .unknownTopicId : .unknownTopicOrPartition
        case .unknownPartition: answer.errorCode = .unknownTopicOrPartition
        case .hosted(let partition):
            do throws(LogError) {
                if let failure = unreadable[partition.topicPartition] { throw failure }
                isAtEnd = try fill(&answer, target, try partition.readableLog())
            } catch {
                answer.errorCode = error.errorCode
            }
        }
        if answer.errorCode.isError { isUrgent = true }
        return (answer, isAtEnd)
    }

    /// Returns whether records were looked for and there are none.
    private mutating func fill(
        _ answer: inout FetchResponse.Partition,
        _ target: FetchTarget,
        _ log: PartitionLog
    ) throws(LogError) -> Bool {
        let offsets = log.offsets
        answer.highWatermark = offsets.highWatermark.rawValue
        answer.lastStableOffset = offsets.lastStable.rawValue
        answer.logStartOffset = offsets.logStart.rawValue
        if plan.readsCommittedOnly { answer.abortedTransactions = [] }
        if let error = epochError(target.currentLeaderEpoch, offsets.leaderEpoch) {
            answer.errorCode = error
            return false
        }
        if let diverging = try divergence(target, log) {
            answer.divergingEpoch = diverging
            isUrgent = true
            return false
        }
        if plan.session == nil { logs.append(log) }
        let room = min(target.maximumBytes, plan.maximumBytes - bytes)
        // The first batch goes out even if it is larger than every limit: a consumer must always get on.
        let isFirst = bytes == 0 && cold.isEmpty
        guard room > 0 || isFirst else { return false }
        let outcome = try log.read(
            from: target.fetchOffset,
            maximumBytes: max(0, room),
            alwaysOneBatch: isFirst,
            upTo: plan.readsCommittedOnly ? .lastStable : .highWatermark,
            acceptCold: !loaded.isEmpty && loaded.contains(log.topicPartition)
        )
        switch outcome {
        case .cold(let range):
            // The next fetch gets to the others.
            guard coldBytes < Self.mostColdBytes else { return false }
            cold.append(range)
            coldBytes += max(0, room)
            return false
        case .data(let data):
            answer.highWatermark = data.offsets.highWatermark.rawValue
            answer.lastStableOffset = data.offsets.lastStable.rawValue
            answer.logStartOffset = data.offsets.logStart.rawValue
            readableBytes += max(0, min(data.availableBytes, target.maximumBytes))
            guard let slice = data.slice, slice.length > 0 else { return data.availableBytes == 0 }
            answer.records = .file(slice)
            bytes += slice.length
            readableBytes = max(readableBytes, bytes)
            return false
        }
    }

    /// Whether the client's history went another way than the log's (KIP-595): then where the common part ends.
    private func divergence(
        _ target: FetchTarget,
        _ log: PartitionLog
    ) throws(LogError) -> FetchResponse.EpochEndOffset? {
        guard target.lastFetchedEpoch.rawValue >= 0 else { return nil }
        let (epoch, endOffset) = log.endOffset(forEpoch: target.lastFetchedEpoch)
        guard epoch != .none else {
            // There is no common part that could be named; without an error the client would ask again and again.
            let offsets = log.offsets
            throw .outOfRange(target.fetchOffset, start: offsets.logStart, end: offsets.logEnd)
        }
        guard epoch < target.lastFetchedEpoch || endOffset < target.fetchOffset else { return nil }
        var diverging = FetchResponse.EpochEndOffset()
        diverging.epoch = epoch.rawValue
        diverging.endOffset = endOffset.rawValue
        return diverging
    }

    /// The response of this round; tells the session what the client learns.
    func response() -> FetchResponse {
        var response = FetchResponse()
        response.sessionID = plan.session?.id ?? 0
        // Within a session they come in the order in which they have had news, whatever their topics.
        var places: [TopicKey: Int] = [:]
        for result in results {
            let key = TopicKey(name: result.target.topicName, id: result.target.topicID)
            if let last = response.topics.last, last.name == key.name, last.topicID == key.id {
                response.topics[response.topics.count - 1].partitions.append(result.answer)
            } else if let place = places[key] {
                response.topics[place].partitions.append(result.answer)
            } else {
                if plan.session != nil { places[key] = response.topics.count }
                var topic = FetchResponse.Topic()
                topic.name = key.name
                topic.topicID = key.id
                topic.partitions = [result.answer]
                response.topics.append(topic)
            }
        }
        plan.session?.noteTold(results)
        return response
    }

    /// A topic as the client names it.
    private struct TopicKey: Hashable {
        let name: String
        let id: TopicID
    }
}

/// How a client's idea of a partition's leader epoch differs from the broker's (KIP-320); nil if it does not matter.
func epochError(_ requested: LeaderEpoch, _ current: LeaderEpoch) -> ErrorCode? {
    if requested.rawValue < 0 || requested == current { return nil }
    return requested < current ? .fencedLeaderEpoch : .unknownLeaderEpoch
}
