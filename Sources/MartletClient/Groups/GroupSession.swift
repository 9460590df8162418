import CoreMetrics
import Logging
import Model
import Synchronization
import Wire

/// A consumer's membership in a group, whatever the protocol: it takes partitions over and gives them up, with commits and
/// the application's callbacks in the right order, and commits what is finished from time to time. Guarded by its locks.
final class GroupSession: Sendable {
    let core: ConsumerCore
    let configuration: GroupConfiguration
    private let identity: Locked<GroupIdentity>
    private let tasks = Locked<[Task<Void, Never>]>([])
    private let closing = Promise<Void>()
    private let driver: any GroupDriver

    private var logger: Logger { core.configuration.client.logger }

    init(core: ConsumerCore, configuration: GroupConfiguration) {
        self.core = core
        self.configuration = configuration
        var identity = GroupIdentity(group: configuration.id)
        identity.instance = configuration.instanceID
        self.identity = Locked(identity)
        switch configuration.groupProtocol {
        case .classic: driver = ClassicDriver(cluster: core.cluster, configuration: configuration)
        case .consumer: driver = ConsumerDriver(cluster: core.cluster, configuration: configuration)
        }
        start()
    }

    private func start() {
        let membership = Task {
            await driver.run(self)
            closing.complete(.success(()))
        }
        var all = [membership]
        if let interval = configuration.commitInterval {
            all.append(Task { await self.commitRegularly(every: interval) })
        }
        tasks.withLock { $0 = all }
    }

    /// Leaves the group properly. Returns when that is done.
    func close() async {
        driver.leave()
        do throws(ClientError) { try await closing.value() } catch {
            logger.debug("not waiting for the group to be left", metadata: ["reason": "\(error.message)"])
        }
        for task in tasks.withLock({ $0 }) { task.cancel() }
    }

    // MARK: What the driver orders

    /// As whom commits are made from now on.
    func become(member: String, generation: Int32) {
        identity.withLock { identity in
            identity.member = member
            identity.generation = generation
        }
    }

    /// How often the application has asked for records.
    var calls: Int { core.calls.load(ordering: .relaxed) }

    /// Whether the application waits for records now, however long there are none.
    var isAwaited: Bool { core.isAwaited }

    /// Begins reading where the group has come to.
    func adopt(_ partitions: Set<Partition>) async throws(ClientError) {
        for topic in Set(partitions.map(\.topic)).sorted() { _ = try await core.cluster.topic(topic) }
        let committed = try await committedOffsets(partitions.sorted())
        var starts: [TopicPartition: StartPosition] = [:]
        for partition in partitions {
            if let offset = committed[partition]?.offset {
                starts[partition.wire] = .offset(offset)
            } else if let start = configuration.start {
                starts[partition.wire] = start
            } else {
                throw ClientError(
                    .invalidArgument,
                    "group '\(configuration.id)' has committed nothing for \(partition), and no start is configured"
                )
            }
        }
        let positions = try await StartPositions.find(
            starts,
            cluster: core.cluster,
            isolation: core.configuration.isolation,
            needsEnds: core.configuration.stopsAtEnd
        )
        core.add(positions)
        // Nothing more is no news, nothing at all is.
        if !partitions.isEmpty || core.partitions.isEmpty { await tell(.assigned(partitions.sorted())) }
    }

    /// Stops handing out, lets the application finish, commits, and gives up.
    func revoke(_ partitions: Set<Partition>) async {
        let wire = Set(partitions.map(\.wire))
        core.suspend(wire)
        await tell(.revoked(partitions.sorted()))
        if configuration.commitInterval != nil { await commitQuietly(wire) }
        core.remove(wire)
    }

    /// Gives up what others may read already.
    func lose(_ partitions: Set<Partition>) async {
        core.remove(Set(partitions.map(\.wire)))
        await tell(.lost(partitions.sorted()))
    }

    /// Ends the consumer with an error.
    func fail(_ error: ClientError) { core.fail(error) }

    private func tell(_ rebalance: GroupConfiguration.Rebalance) async {
        logger.info("rebalance", metadata: ["group": "\(configuration.id)", "partitions": "\(rebalance)"])
        core.metrics.rebalances.increment()
        await configuration.onRebalance?(rebalance)
    }
}

// MARK: Commits

extension GroupSession {
    private func commitRegularly(every interval: Duration) async {
        while !Task.isCancelled {
            do throws(ClientError) { try await pause(interval) } catch { return }
            await commitQuietly(nil)
        }
    }

    /// Commits what is finished. What cannot be committed now is committed next time, or read again by whoever is next.
    private func commitQuietly(_ partitions: Set<TopicPartition>?) async {
        do throws(ClientError) {
            try await commitFinished(partitions)
        } catch {
            if error.kind == .cancelled || error.kind == .closed { return }
            core.metrics.failedCommits.increment()
            logger.warning("cannot commit", metadata: ["reason": "\(error.message)"])
        }
    }

    /// - Parameter partitions: Only of these; nil for all.
    func commitFinished(_ partitions: Set<TopicPartition>? = nil) async throws(ClientError) {
        let offsets = core.uncommitted(partitions)
        if offsets.isEmpty { return }
        var commit: [Partition: CommittedOffset] = [:]
        for (partition, offset) in offsets {
            commit[Partition(topic: partition.topic, index: partition.partition)] = offset
        }
        try await self.commit(commit)
        core.committed(offsets)
    }

    /// Commits as this member, again while the coordinator moves.
    func commit(_ offsets: [Partition: CommittedOffset]) async throws(ClientError) {
        try await atCoordinator { connection throws(ClientError) in
            let identity = identity.withLock { $0 }
            guard identity.generation >= 0 else {
                throw ClientError(
                    code: .unknownMemberId,
                    context: "committing for group '\(identity.group)'",
                    detail: "the consumer is no member of the group at the moment"
                )
            }
            if let error = try await connection.commit(offsets, as: identity).values.first { throw error }
        }
        core.metrics.commits.increment()
    }

    /// What the group has committed, once no transaction can change it any more.
    func committedOffsets(_ partitions: [Partition]) async throws(ClientError) -> [Partition: CommittedOffset] {
        var offsets: [Partition: CommittedOffset] = [:]
        if partitions.isEmpty { return offsets }
        try await atCoordinator { connection throws(ClientError) in
            offsets = try await connection.committedOffsets(of: configuration.id, partitions, requireStable: true)
        }
        return offsets
    }

    private static let passing = Cluster.passingCoordinatorErrors.union([
        .unstableOffsetCommit, .staleMemberEpoch,
    ])

    private func atCoordinator(
        _ body: (BrokerConnection) async throws(ClientError) -> Void
    ) async throws(ClientError) {
        let cluster = core.cluster
        let deadline = Deadline(in: cluster.configuration.operationTimeout)
        var attempts = 0
        while true {
            do throws(ClientError) {
                return try await body(try await cluster.coordinator(of: configuration.id))
            } catch {
                let isPassing = error.code.map(Self.passing.contains) ?? error.isRetriable
                if !isPassing || deadline.hasPassed { throw error }
                if error.code.map(Cluster.movedCoordinator.contains) ?? true {
                    cluster.forgetCoordinator(of: configuration.id)
                }
                attempts += 1
                try await pause(cluster.backoff.delay(afterFailures: attempts))
            }
        }
    }
}
