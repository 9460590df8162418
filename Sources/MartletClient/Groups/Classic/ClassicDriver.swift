import Logging
import Model
import NIOCore
import Wire

/// Does what a ``ClassicMembership`` decides: speaks to the coordinator, one request after the other, and has the session
/// take partitions over and give them up. Heartbeats travel beside that. Guarded by its lock.
final class ClassicDriver: Sendable {
    struct State {
        var isLeaving = false
        /// Cuts short what can be, when the application wants to leave.
        var interrupt: (@Sendable () -> Void)?
        /// As whom to send heartbeats; nil for none.
        var beating: ClassicMembership.Identity?
        /// What has happened that ends being settled.
        var news: ClassicMembership.Event?
        /// What was joined with, to notice changes.
        var subscribed: [String] = []
        /// What the leader has shared out, by topic; nil for those that do not lead.
        var shared: [String: Int32]?
    }

    let cluster: Cluster
    let configuration: GroupConfiguration
    let state = Locked(State())
    let signal = Signal()
    var logger: Logger { cluster.configuration.logger }

    /// How often a member that sleeps looks whether it is to wake up.
    private static let wakeInterval = Duration.milliseconds(100)

    init(cluster: Cluster, configuration: GroupConfiguration) {
        self.cluster = cluster
        self.configuration = configuration
    }

    /// Lets ``run(_:)`` leave the group and end.
    func leave() {
        let interrupt = state.withLock { state in
            state.isLeaving = true
            return state.interrupt
        }
        interrupt?()
        signal.raise()
    }

    private var isLeaving: Bool { state.withLock { $0.isLeaving } }

    /// Is a member of the group until it has left, or cannot be any more.
    func run(_ session: GroupSession) async {
        let heartbeats = Task { await self.sendHeartbeats(session) }
        defer { heartbeats.cancel() }
        var membership = ClassicMembership(
            isCooperative: configuration.assignors.allSatisfy(\.isCooperative),
            isStatic: configuration.instanceID != nil
        )
        var hasToldToLeave = false
        while true {
            if isLeaving, !hasToldToLeave {
                hasToldToLeave = true
                membership.handle(.leaveRequested)
            }
            let (identity, isInGroup) = (membership.identity, membership.isInGroup)
            session.become(member: identity.memberID, generation: identity.generation)
            state.withLock { $0.beating = isInGroup ? identity : nil }
            logger.debug("group", metadata: ["group": "\(configuration.id)", "action": "\(membership.action.name)"])
            if case .end(let error) = membership.action {
                if let error { session.fail(error) }
                return
            }
            membership.handle(await perform(membership.action, session))
        }
    }

    private func perform(
        _ action: ClassicMembership.Action,
        _ session: GroupSession
    ) async -> ClassicMembership.Event {
        do throws(ClientError) {
            switch action {
            case .join(let identity, let owned):
                return try await interruptible { () async throws(ClientError) in
                    try await self.join(identity, owned)
                }
            case .sync(let generation):
                return try await interruptible { () async throws(ClientError) in
                    .synced(try await self.sync(generation))
                }
            case .revoke(let partitions):
                await session.revoke(partitions)
                return .revoked
            case .lose(let partitions):
                await session.lose(partitions)
                return .lost
            case .adopt(let partitions):
                try await session.adopt(partitions)
                return .adopted
            case .settle: return await settle()
            case .pause(let failures):
                let delay = cluster.backoff.delay(afterFailures: failures)
                return try await interruptible { () async throws(ClientError) in
                    try await MartletClient.pause(delay)
                    return .paused
                }
            case .sleep: return await sleep(session)
            case .leave(let identity, let reason):
                try await sendLeave(identity, reason)
                return .left
            case .end: return .left
            }
        } catch {
            noteMove(error)
            logFailure(error)
            return .failed(error)
        }
    }

    private func logFailure(_ error: ClientError) {
        if error.kind == .cancelled || error.code == .rebalanceInProgress { return }
        logger.info("group", metadata: ["group": "\(configuration.id)", "reason": "\(error.message)"])
    }

    /// Looks for the coordinator anew after an error that may come from its having moved.
    func noteMove(_ error: ClientError) {
        let hasMoved = error.code.map(Cluster.movedCoordinator.contains) ?? error.isRetriable
        if hasMoved { cluster.forgetCoordinator(of: configuration.id) }
    }

    /// Does something that wanting to leave cuts short: it then throws ``ClientError/Kind/cancelled``.
    private func interruptible(
        _ body: @escaping @Sendable () async throws(ClientError) -> ClassicMembership.Event
    ) async throws(ClientError) -> ClassicMembership.Event {
        let task = Task { () async -> Result<ClassicMembership.Event, ClientError> in
            do throws(ClientError) { return .success(try await body()) } catch { return .failure(error) }
        }
        let isLeaving = state.withLock { state in
            state.interrupt = { task.cancel() }
            return state.isLeaving
        }
        if isLeaving { task.cancel() }
        let outcome = await task.value
        state.withLock { $0.interrupt = nil }
        return try outcome.get()
    }

    /// Waits until there is something to do.
    private func settle() async -> ClassicMembership.Event {
        while true {
            let news = state.withLock { state -> ClassicMembership.Event? in
                if state.isLeaving { return .failed(.cancelled) }
                defer { state.news = nil }
                return state.news
            }
            if let news { return news }
            await signal.wait(atMost: nil)
        }
    }

    private func sleep(_ session: GroupSession) async -> ClassicMembership.Event {
        let calls = session.calls
        while !isLeaving {
            if session.calls != calls || session.isAwaited { return .awake }
            await signal.wait(atMost: Self.wakeInterval)
        }
        return .failed(.cancelled)
    }
}

extension ClassicMembership.Action {
    /// For the log.
    fileprivate var name: String {
        switch self {
        case .join(_, let owned): "join, reading \(owned.count) partitions"
        case .sync(let generation): "sync generation \(generation.identity.generation)"
        case .revoke(let partitions): "revoke \(partitions.count) partitions"
        case .lose(let partitions): "lose \(partitions.count) partitions"
        case .adopt(let partitions): "adopt \(partitions.count) partitions"
        case .settle: "settle"
        case .pause: "pause"
        case .sleep: "sleep"
        case .leave(_, let reason): "leave: \(reason)"
        case .end: "end"
        }
    }
}
