import Logging
import Model
import Wire

/// What a fetcher does about answers.
extension NodeFetcher {
    /// Attempts after which a topic that the cluster does not know is taken for deleted.
    private static let attemptsForMissingTopic = 12

    /// - Parameter leavesOutWhatIsNotNew: Whether the answer is that of a session, so that a partition it does not speak of
    ///   has nothing new.
    func settle(
        _ items: [FetchPlan.Item],
        _ response: FetchResponse,
        _ metadata: ClusterMetadata,
        leavesOutWhatIsNotNew: Bool
    ) async throws(ClientError) {
        var open = Dictionary(items.map { ($0.partition, $0) }, uniquingKeysWith: { first, _ in first })
        let names = Dictionary(
            metadata.topics.values.map { ($0.id, $0.name) },
            uniquingKeysWith: { first, _ in first }
        )
        var needsMetadata = false
        for topic in response.topics {
            let name = topic.name.isEmpty ? names[topic.topicID] ?? "" : topic.name
            for answer in topic.partitions {
                guard let item = open.removeValue(forKey: TopicPartition(name, answer.index)) else { continue }
                if answer.errorCode == .none {
                    try core.received(item, answer)
                } else if answer.errorCode == .offsetOutOfRange {
                    try await reset(item)
                } else {
                    needsMetadata = true
                    try failed(item, answer.errorCode)
                }
            }
        }
        if leavesOutWhatIsNotNew {
            core.released(open.values)
        } else {
            for item in open.values { core.failed(item) }
        }
        if needsMetadata { await core.refreshMetadata() }
    }

    private func failed(_ item: FetchPlan.Item, _ code: ErrorCode) throws(ClientError) {
        let context = "topic '\(item.partition.topic)' partition \(item.partition.partition)"
        let error = ClientError(code: code, context: context)
        guard code.isRetriable, code != .corruptMessage else { throw error }
        let failures = core.failed(item)
        let isMissing = code == .unknownTopicOrPartition || code == .unknownTopicId || code == .inconsistentTopicId
        if isMissing, failures >= Self.attemptsForMissingTopic {
            throw ClientError(.broker, "\(context): the topic was deleted", code: code)
        }
    }

    private func reset(_ item: FetchPlan.Item) async throws(ClientError) {
        let query: OffsetQuery
        switch configuration.effectiveOutOfRange {
        case .beginning: query = .beginning
        case .end: query = .end
        case .fail: throw await outOfRange(item)
        }
        let found = try await core.cluster.offsets([item.partition: query], isolation: configuration.isolation)
        let position = found[item.partition]?.offset ?? 0
        logger.warning(
            "offset out of range, going on elsewhere",
            metadata: ["partition": "\(item.partition)", "offset": "\(item.offset)", "next": "\(position)"]
        )
        core.reset(item, to: position)
    }

    private func outOfRange(_ item: FetchPlan.Item) async -> ClientError {
        let context = "topic '\(item.partition.topic)' partition \(item.partition.partition)"
        var message = "\(context): there is no offset \(item.offset)"
        do throws(ClientError) {
            let start = try await core.cluster.offsets([item.partition: .beginning])[item.partition]?.offset ?? 0
            let end = try await core.cluster.offsets([item.partition: .end])[item.partition]?.offset ?? 0
            message += "; the partition holds offsets \(start) up to, and not including, \(end)"
        } catch {
            logger.debug("no offsets for the message", metadata: ["reason": "\(error.message)"])
        }
        return ClientError(
            .broker,
            message,
            hint: "start at the beginning, the end or an offset between them",
            code: .offsetOutOfRange
        )
    }

    // MARK: Truncation

    /// Has the partitions' new leaders say whether their logs have what was read, and fetches nothing meanwhile.
    func compare(
        _ items: [FetchPlan.Item],
        _ metadata: ClusterMetadata,
        _ connection: BrokerConnection
    ) async throws(ClientError) {
        let unchecked = items.filter(\.isUnchecked)
        let findings = try await TruncationCheck.ask(unchecked, metadata, connection)
        var needsMetadata = false
        for finding in findings {
            let item = finding.item
            if finding.error.isError {
                needsMetadata = true
                try failed(item, finding.error)
            } else if let end = finding.end {
                try cut(item, at: end)
            } else {
                core.checked(item, leaderEpoch: metadata.leaderEpoch(of: item.partition))
            }
        }
        let settled = Set(findings.map(\.item.partition))
        core.released(items.filter { !settled.contains($0.partition) })
        if needsMetadata { await core.refreshMetadata() }
    }

    /// Goes on where the log parts from what was read, if the consumer may choose where to go on.
    private func cut(_ item: FetchPlan.Item, at end: Int64) throws(ClientError) {
        let context = "topic '\(item.partition.topic)' partition \(item.partition.partition)"
        if configuration.effectiveOutOfRange == .fail {
            throw ClientError(
                .broker,
                "\(context): the log was cut back to offset \(end) after records up to \(item.offset) had been read",
                hint: "records that were read may be gone; go on at offset \(end) if that is acceptable",
                code: .offsetOutOfRange
            )
        }
        logger.warning(
            "the log was cut back, going on at its end",
            metadata: ["partition": "\(item.partition)", "read": "\(item.offset)", "next": "\(end)"]
        )
        core.reset(item, to: end)
    }
}
