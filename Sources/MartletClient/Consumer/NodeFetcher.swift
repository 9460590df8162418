import Logging
import Model
import Wire

/// Fetches from one broker, one request after the other, as long as the consumer keeps up. Owned by its task.
///
/// The fetcher without a node looks after partitions that have no leader: it asks for one.
final class NodeFetcher: Sendable {
    private let core: ConsumerCore
    private let node: Int32?
    private let signal: Signal
    private var configuration: ConsumerConfiguration { core.configuration }
    private var logger: Logger { core.configuration.client.logger }

    /// How long a broker may wait for records while some of its partitions are far enough ahead: as soon as those are
    /// read they should be asked for again.
    private static let hurriedWait = Duration.milliseconds(20)
    /// Attempts after which a topic that the cluster does not know is taken for deleted.
    private static let attemptsForMissingTopic = 12
    /// From this version on topics go by their ids only (KIP-516).
    private static let firstVersionWithIDs: Int16 = 13

    init(core: ConsumerCore, node: Int32?, signal: Signal) {
        self.core = core
        self.node = node
        self.signal = signal
    }

    func run() async {
        var failures = 0
        while !core.isStopped {
            switch core.next(for: node) {
            case .wait(let instant):
                await signal.wait(atMost: instant.map { max(.zero, core.time.instant.duration(to: $0)) })
            case .fetch(let items, let isComplete):
                do throws(ClientError) {
                    try await fetch(items, isComplete: isComplete)
                    if failures > 0 { logger.info("fetching again", metadata: ["broker": "\(node ?? -1)"]) }
                    failures = 0
                } catch {
                    for item in items { core.failed(item) }
                    failures += 1
                    if failures == 1, error.isRetriable, !core.isStopped {
                        logger.warning("cannot fetch, trying again", metadata: ["reason": "\(error.message)"])
                    }
                    await recover(error, failures)
                }
            }
        }
    }

    private func recover(_ error: ClientError, _ failures: Int) async {
        guard error.isRetriable else { return core.fail(error) }
        await signal.wait(atMost: core.cluster.backoff.delay(afterFailures: failures))
        await core.refreshMetadata()
    }

    private func fetch(_ items: [FetchPlan.Item], isComplete: Bool) async throws(ClientError) {
        guard let node else {
            throw ClientError(.broker, "a partition has no leader", isRetriable: true, code: .leaderNotAvailable)
        }
        let connection = try await core.cluster.connection(to: node, .fetch)
        let metadata = core.cluster.metadata
        let hasIDs = items.allSatisfy { (metadata.topics[$0.partition.topic]?.id ?? .zero) != .zero }
        let version = try connection.versions.version(
            for: FetchRequest.api,
            atMost: hasIDs ? .max : Self.firstVersionWithIDs - 1
        )
        let wait = isComplete ? configuration.maximumWait : min(Self.hurriedWait, configuration.maximumWait)
        let sent = try connection.start(request(items, metadata, wait), version: version, waiting: wait)
        let response = try await sent.response()
        guard !response.errorCode.isError else { throw ClientError(code: response.errorCode, context: "fetching") }
        try await settle(items, response, metadata)
    }

    private func request(_ items: [FetchPlan.Item], _ metadata: ClusterMetadata, _ wait: Duration) -> FetchRequest {
        var request = FetchRequest()
        request.maximumWaitMilliseconds = Int32(clamping: wait.wholeNanoseconds / 1_000_000)
        request.minimumBytes = Int32(clamping: configuration.minimumBytes)
        request.maximumBytes = Int32(clamping: configuration.maximumBytes)
        request.isolationLevel = configuration.isolation.level
        for item in items {
            let known = metadata.topics[item.partition.topic]
            if request.topics.last?.name != item.partition.topic {
                var topic = FetchRequest.Topic()
                topic.name = item.partition.topic
                topic.topicID = known?.id ?? .zero
                request.topics.append(topic)
            }
            var partition = FetchRequest.Partition()
            partition.index = item.partition.partition
            partition.fetchOffset = item.offset
            partition.currentLeaderEpoch = known?.partition(item.partition.partition)?.leaderEpoch.rawValue ?? -1
            partition.partitionMaximumBytes = Int32(clamping: configuration.maximumPartitionBytes)
            request.topics[request.topics.count - 1].partitions.append(partition)
        }
        return request
    }

    // MARK: Answers

    private func settle(
        _ items: [FetchPlan.Item],
        _ response: FetchResponse,
        _ metadata: ClusterMetadata
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
        for item in open.values { core.failed(item) }
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
}
