import Logging
import Model
import Wire

/// Does what a ``ConsumerMembership`` decides: has the session take partitions over and give them up, while heartbeats
/// travel beside that and bring what is to be read. Guarded by its lock.
final class ConsumerDriver: GroupDriver {
    private struct State {
        var membership = ConsumerMembership()
        var isLeaving = false
        /// What a heartbeat has brought that only the member's own task may act on.
        var news: ConsumerMembership.Event?
        /// What the coordinator said last, by topic id, if some of its topics are not known yet.
        var unresolved: [TopicID: [Int32]]?
        var interval = Duration.seconds(1)
    }

    private let cluster: Cluster
    private let configuration: GroupConfiguration
    private let memberID: String
    private let state = Locked(State())
    private let news = Signal()
    private let beats = Signal()
    private var logger: Logger { cluster.configuration.logger }

    /// From this version on members make up their own ids (KIP-1082), and patterns are the coordinator's affair.
    private static let firstVersionWithOwnIDs: Int16 = 1
    /// How often a member that sleeps looks whether it is to wake up.
    private static let wakeInterval = Duration.milliseconds(100)

    init(cluster: Cluster, configuration: GroupConfiguration) {
        self.cluster = cluster
        self.configuration = configuration
        var generator = SystemRandomNumberGenerator()
        memberID = TopicID.random(using: &generator).description
    }

    func leave() {
        state.withLock { $0.isLeaving = true }
        news.raise()
    }

    private var isLeaving: Bool { state.withLock { $0.isLeaving } }

    func run(_ session: GroupSession) async {
        let heartbeats = Task { await self.sendHeartbeats(session) }
        defer {
            heartbeats.cancel()
            beats.raise()
        }
        var hasToldToLeave = false
        while true {
            let tells = isLeaving && !hasToldToLeave
            let (action, epoch) = state.withLock { state in
                if let news = state.news { state.membership.handle(news) }
                state.news = nil
                if tells { state.membership.handle(.leaveRequested) }
                return (state.membership.action, state.membership.epoch)
            }
            hasToldToLeave = hasToldToLeave || tells
            session.become(member: memberID, generation: epoch > 0 ? epoch : -1)
            switch action {
            case .end(let error):
                if let error { session.fail(error) }
                return
            case .settle:
                // What is settled now may have to be said at once, or a place asked for.
                if state.withLock({ $0.membership.isUrgent }) { beats.raise() }
                await news.wait(atMost: nil)
            default:
                let event = await perform(action, session)
                state.withLock { $0.membership.handle(event) }
            }
        }
    }

    private func perform(
        _ action: ConsumerMembership.Action,
        _ session: GroupSession
    ) async -> ConsumerMembership.Event {
        do throws(ClientError) {
            switch action {
            case .revoke(let partitions):
                await session.revoke(partitions)
                return .revoked
            case .lose(let partitions):
                await session.lose(partitions)
                return .lost
            case .adopt(let partitions):
                try await session.adopt(partitions)
                return .adopted
            case .pause(let failures):
                await news.wait(atMost: cluster.backoff.delay(afterFailures: failures))
                return .paused
            case .sleep: return await sleep(session)
            case .leave:
                let epoch =
                    configuration.instanceID != nil && isLeaving
                    ? ConsumerMembership.pausingEpoch : ConsumerMembership.leavingEpoch
                _ = try await send(ConsumerMembership.Heartbeat(epoch: epoch, owned: nil), isFull: false)
                return .left
            case .settle, .end: return .paused
            }
        } catch {
            logger.info("group", metadata: ["group": "\(configuration.id)", "reason": "\(error.message)"])
            return .failed(error)
        }
    }

    private func sleep(_ session: GroupSession) async -> ConsumerMembership.Event {
        let calls = session.calls
        while !isLeaving {
            if session.calls != calls || session.isAwaited { return .awake }
            await news.wait(atMost: Self.wakeInterval)
        }
        return .paused
    }
}

// MARK: Heartbeats

extension ConsumerDriver {
    private func sendHeartbeats(_ session: GroupSession) async {
        var application = Pulse(calls: session.calls)
        var failures = 0
        while !Task.isCancelled {
            application.look(session)
            if application.silence >= configuration.maximumPollInterval { report(.stalled) }
            let heartbeat = state.withLock { $0.membership.heartbeat }
            if let heartbeat {
                do throws(ClientError) {
                    state.withLock { $0.membership.sent(heartbeat) }
                    let isFull = failures > 0 || heartbeat.epoch == ConsumerMembership.joiningEpoch
                    try await hear(try await send(heartbeat, isFull: isFull), to: heartbeat, session)
                    failures = 0
                } catch {
                    failures += 1
                    state.withLock { $0.membership.unsent() }
                    note(error)
                }
            }
            let (isUrgent, interval) = state.withLock { ($0.membership.isUrgent, $0.interval) }
            let pause = failures > 0 ? min(interval, cluster.backoff.delay(afterFailures: failures)) : interval
            if !isUrgent || failures > 0 { await beats.wait(atMost: pause) }
        }
    }

    private func report(_ event: ConsumerMembership.Event) {
        state.withLock { $0.news = $0.news ?? event }
        news.raise()
    }

    /// What passes by itself, or with another coordinator, is tried again; all else is for the member to decide.
    private func note(_ error: ClientError) {
        let hasMoved = error.code.map(Cluster.movedCoordinator.contains) ?? error.isRetriable
        if hasMoved { cluster.forgetCoordinator(of: configuration.id) }
        let isPassing = error.code.map(Cluster.passingCoordinatorErrors.contains) ?? error.isRetriable
        if !isPassing, error.kind != .cancelled { report(.refused(error)) }
    }

    private func send(
        _ heartbeat: ConsumerMembership.Heartbeat,
        isFull: Bool
    ) async throws(ClientError) -> ConsumerGroupHeartbeatResponse {
        var request = ConsumerGroupHeartbeatRequest()
        request.groupID = configuration.id
        request.memberID = memberID
        request.memberEpoch = heartbeat.epoch
        request.instanceID = configuration.instanceID
        request.topicPartitions = heartbeat.owned.map(byTopicID)
        if isFull {
            request.rebalanceTimeoutMilliseconds = Int32(
                clamping: configuration.maximumPollInterval.wholeNanoseconds / 1_000_000
            )
            request.serverAssignor = configuration.serverAssignor
            switch configuration.subscription {
            case .topics(let topics): request.subscribedTopicNames = Set(topics).sorted()
            case .pattern(let pattern): request.subscribedTopicRegex = pattern
            }
        }
        let connection = try await cluster.coordinator(of: configuration.id)
        let version = try connection.versions.version(for: ConsumerGroupHeartbeatRequest.api)
        guard version >= Self.firstVersionWithOwnIDs else {
            throw ClientError(
                .unsupported,
                "the broker is too old for the consumer protocol (ConsumerGroupHeartbeat 0)"
            )
        }
        let response = try await connection.start(request, version: version).response()
        try Admin.check(response.errorCode, "group '\(configuration.id)'", response.errorMessage)
        return response
    }

    private func hear(
        _ response: ConsumerGroupHeartbeatResponse,
        to heartbeat: ConsumerMembership.Heartbeat,
        _ session: GroupSession
    ) async throws(ClientError) {
        if let assignment = response.assignment {
            var told: [TopicID: [Int32]] = [:]
            for topic in assignment.topicPartitions { told[topic.topicID, default: []] += topic.partitions }
            let new = told
            state.withLock { $0.unresolved = new }
        }
        let partitions = try await resolve()
        let (isCurrent, hasWork) = state.withLock { state in
            if response.heartbeatIntervalMilliseconds > 0 {
                state.interval = .milliseconds(response.heartbeatIntervalMilliseconds)
            }
            // An answer to an earlier life says nothing about this one.
            guard state.membership.epoch == heartbeat.epoch else { return (false, false) }
            state.membership.handle(.told(epoch: response.memberEpoch, partitions: partitions))
            return (true, state.membership.action != .settle)
        }
        // Commits are accepted in the newest epoch only, also while partitions are being given up.
        if isCurrent { session.become(member: memberID, generation: response.memberEpoch) }
        if hasWork { news.raise() }
    }

    /// The last assignment by name; nil if there is none that has not been told. Topics that are not known are asked for;
    /// those that are not known then are asked for again with the next heartbeat.
    private func resolve() async throws(ClientError) -> Set<Partition>? {
        guard let told = state.withLock({ $0.unresolved }) else { return nil }
        var names = namesByID()
        if told.keys.contains(where: { names[$0] == nil }) {
            _ = try await cluster.ask(for: nil)
            names = namesByID()
        }
        var partitions: Set<Partition> = []
        for (id, indexes) in told {
            guard let name = names[id] else { continue }
            for index in indexes { partitions.insert(Partition(topic: name, index: index)) }
        }
        let isComplete = told.keys.allSatisfy { names[$0] != nil }
        state.withLock { if isComplete { $0.unresolved = nil } }
        return partitions
    }

    private func namesByID() -> [TopicID: String] {
        Dictionary(cluster.metadata.topics.values.map { ($0.id, $0.name) }, uniquingKeysWith: { first, _ in first })
    }

    private func byTopicID(_ partitions: Set<Partition>) -> [ConsumerGroupTopicPartitions] {
        let known = cluster.metadata.topics
        return ConsumerProtocolPartitions.grouped(partitions).compactMap { group in
            guard let id = known[group.topic]?.id else { return nil }
            var topic = ConsumerGroupTopicPartitions()
            topic.topicID = id
            topic.partitions = group.partitions
            return topic
        }
    }
}
