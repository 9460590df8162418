import CommitLog
import Model
import NIOCore
import Wire

/// One pass over the partitions of a fetch: what there is to send now. A value; decides, does not wait.
struct FetchRound {
    /// The partitions' answers, in serving order, with their targets.
    private(set) var results: [(target: FetchTarget, answer: FetchResponse.Partition)] = []
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
    /// The logs to wait for if this round finds too little.
    private(set) var logs: [PartitionLog] = []
    private(set) var lastServed: FetchTarget.Key?

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
        results.reserveCapacity(plan.targets.count)
        for target in plan.targets {
            let topic = plan.version >= 13 ? topics[target.topicID] : topics[target.topicName]
            let answer = read(target, topic)
            if answer.errorCode.isError { isUrgent = true }
            results.append((target, answer))
        }
    }

    /// Whether this round found what the fetch waits for.
    private var isEnough: Bool { isUrgent || readableBytes >= plan.minimumBytes || plan.targets.isEmpty }

    /// Whether the fetch is answered with what this round found. What is in memory does not wait for what is not: the
    /// next fetch finds that loaded.
    var canBeAnswered: Bool { isEnough && (bytes > 0 || cold.isEmpty) }

    private mutating func read(_ target: FetchTarget, _ topic: HostedTopic?) -> FetchResponse.Partition {
        var answer = FetchResponse.Partition()
        answer.index = target.index
        answer.highWatermark = -1
        answer.records = .bytes(.init())
        guard let topic else {
            answer.errorCode = plan.version >= 13 ? .unknownTopicId : .unknownTopicOrPartition
            return answer
        }
        guard let partition = topic.partition(target.index) else {
            answer.errorCode = .unknownTopicOrPartition
            return answer
        }
        do throws(LogError) {
            if let failure = unreadable[partition.topicPartition] { throw failure }
            let log = try partition.readableLog()
            try fill(&answer, target, log)
        } catch {
            answer.errorCode = error.errorCode
        }
        return answer
    }

    private mutating func fill(
        _ answer: inout FetchResponse.Partition,
        _ target: FetchTarget,
        _ log: PartitionLog
    ) throws(LogError) {
        let offsets = log.offsets
        answer.highWatermark = offsets.highWatermark.rawValue
        answer.lastStableOffset = offsets.lastStable.rawValue
        answer.logStartOffset = offsets.logStart.rawValue
        if plan.readsCommittedOnly { answer.abortedTransactions = [] }
        if let error = epochError(target.currentLeaderEpoch, offsets.leaderEpoch) {
            answer.errorCode = error
            return
        }
        if let diverging = try divergence(target, log) {
            answer.divergingEpoch = diverging
            isUrgent = true
            return
        }
        logs.append(log)
        let room = min(target.maximumBytes, plan.maximumBytes - bytes)
        // The first batch goes out even if it is larger than every limit: a consumer must always get on.
        let isFirst = bytes == 0 && cold.isEmpty
        guard room > 0 || isFirst else { return }
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
            guard coldBytes < Self.mostColdBytes else { return }
            cold.append(range)
            coldBytes += max(0, room)
        case .data(let data):
            answer.highWatermark = data.offsets.highWatermark.rawValue
            answer.lastStableOffset = data.offsets.lastStable.rawValue
            answer.logStartOffset = data.offsets.logStart.rawValue
            readableBytes += max(0, min(data.availableBytes, target.maximumBytes))
            guard let slice = data.slice, slice.length > 0 else { return }
            answer.records = .file(slice)
            bytes += slice.length
            readableBytes = max(readableBytes, bytes)
            lastServed = target.key
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
        response.sessionID = plan.sessionID
        var told: [(key: FetchTarget.Key, highWatermark: Int64, logStart: Int64)] = []
        var topic: FetchResponse.Topic?
        for (target, answer) in results where !plan.isIncremental || Self.isNews(answer, for: target) {
            if topic?.name != target.topicName || topic?.topicID != target.topicID {
                if let topic { response.topics.append(topic) }
                topic = FetchResponse.Topic()
                topic?.name = target.topicName
                topic?.topicID = target.topicID
            }
            topic?.partitions.append(answer)
            // After an error the partition is news again as soon as it is well.
            let highWatermark = answer.errorCode.isError ? FetchTarget.nothingTold : answer.highWatermark
            if plan.session != nil { told.append((target.key, highWatermark, answer.logStartOffset)) }
        }
        if let topic { response.topics.append(topic) }
        plan.session?.told(told, lastServed: lastServed)
        return response
    }

    private static func isNews(_ answer: FetchResponse.Partition, for target: FetchTarget) -> Bool {
        answer.records.length > 0 || answer.errorCode.isError
            || answer.divergingEpoch != FetchResponse.EpochEndOffset()
            || answer.highWatermark != target.toldHighWatermark
            || answer.logStartOffset != target.toldLogStart
    }
}

/// How a client's idea of a partition's leader epoch differs from the broker's (KIP-320); nil if it does not matter.
func epochError(_ requested: LeaderEpoch, _ current: LeaderEpoch) -> ErrorCode? {
    if requested.rawValue < 0 || requested == current { return nil }
    return requested < current ? .fencedLeaderEpoch : .unknownLeaderEpoch
}
