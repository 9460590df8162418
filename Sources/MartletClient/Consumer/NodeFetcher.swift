import CoreMetrics
import Logging
import Model
import Wire

/// Fetches from one broker, one request after the other, as long as the consumer keeps up. Owned by its task.
///
/// The fetcher without a node looks after partitions that have no leader: it asks for one.
final class NodeFetcher: Sendable {
    let core: ConsumerCore
    private let node: Int32?
    private let signal: Signal
    var configuration: ConsumerConfiguration { core.configuration }
    var logger: Logger { core.configuration.client.logger }

    /// How long a broker may wait for records while some of its partitions are far enough ahead: as soon as those are
    /// read they should be asked for again.
    private static let hurriedWait = Duration.milliseconds(20)
    /// From this version on topics go by their ids only (KIP-516).
    private static let firstVersionWithIDs: Int16 = 13

    init(core: ConsumerCore, node: Int32?, signal: Signal) {
        self.core = core
        self.node = node
        self.signal = signal
    }

    func run() async {
        var failures = 0
        var session = FetchSession()
        while !core.isStopped {
            switch core.next(for: node) {
            case .wait(let instant):
                await signal.wait(atMost: instant.map { max(.zero, core.time.instant.duration(to: $0)) })
            case .fetch(let items, let isComplete):
                do throws(ClientError) {
                    try await fetch(items, isComplete: isComplete, &session)
                    if failures > 0 { logger.info("fetching again", metadata: ["broker": "\(node ?? -1)"]) }
                    failures = 0
                } catch {
                    // The broker may have taken the request, or not: only a new session is sure.
                    session.reset()
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

    private func fetch(
        _ items: [FetchPlan.Item],
        isComplete: Bool,
        _ session: inout FetchSession
    ) async throws(ClientError) {
        guard let node else {
            throw ClientError(.broker, "a partition has no leader", isRetriable: true, code: .leaderNotAvailable)
        }
        let connection = try await core.cluster.connection(to: node, .fetch)
        while let delay = connection.throttleDelay, !core.isStopped { await signal.wait(atMost: delay) }
        let metadata = core.cluster.metadata
        if items.contains(where: \.isUnchecked), TruncationCheck.isSupported(connection) {
            return try await compare(items, metadata, connection)
        }
        let hasIDs = items.allSatisfy { (metadata.topics[$0.partition.topic]?.id ?? .zero) != .zero }
        let version = try connection.versions.version(
            for: FetchRequest.api,
            atMost: hasIDs ? .max : Self.firstVersionWithIDs - 1
        )
        var step = FetchSession.without
        if version >= FetchSession.firstVersion {
            step = session.step(items, metadata, usesIDs: version >= Self.firstVersionWithIDs)
        }
        let wait = isComplete ? configuration.maximumWait : min(Self.hurriedWait, configuration.maximumWait)
        var request = request(step.epoch < 0 ? items : step.changed, metadata, wait)
        request.sessionID = step.id
        request.sessionEpoch = step.epoch
        request.forgottenTopics = session.forgottenTopics(step)
        core.metrics.fetchRequests.increment()
        let response = try await connection.start(request, version: version, waiting: wait).response()
        if FetchSession.ends.contains(response.errorCode), step.isIncremental {
            session.lose()
            return core.released(items)
        }
        guard !response.errorCode.isError else { throw ClientError(code: response.errorCode, context: "fetching") }
        if version >= FetchSession.firstVersion { session.answered(response.sessionID) }
        try await settle(items, response, metadata, leavesOutWhatIsNotNew: step.isIncremental)
    }

    private func request(_ items: [FetchPlan.Item], _ metadata: ClusterMetadata, _ wait: Duration) -> FetchRequest {
        var request = FetchRequest()
        request.maximumWaitMilliseconds = Int32(clamping: wait.wholeNanoseconds / 1_000_000)
        request.minimumBytes = Int32(clamping: configuration.minimumBytes)
        request.maximumBytes = Int32(clamping: configuration.maximumBytes)
        request.isolationLevel = configuration.isolation.level
        for item in items {
            if request.topics.last?.name != item.partition.topic {
                var topic = FetchRequest.Topic()
                topic.name = item.partition.topic
                topic.topicID = metadata.topics[item.partition.topic]?.id ?? .zero
                request.topics.append(topic)
            }
            var partition = FetchRequest.Partition()
            partition.index = item.partition.partition
            partition.fetchOffset = item.offset
            partition.currentLeaderEpoch = metadata.leaderEpoch(of: item.partition)
            partition.partitionMaximumBytes = Int32(clamping: configuration.maximumPartitionBytes)
            request.topics[request.topics.count - 1].partitions.append(partition)
        }
        return request
    }
}
