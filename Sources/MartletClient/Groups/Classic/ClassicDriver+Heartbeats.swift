import Model
import Wire

/// What goes on beside the membership: heartbeats, and a look at whether something has changed that the group must know.
extension ClassicDriver {
    /// Sends heartbeats until the task is cancelled.
    func sendHeartbeats(_ session: GroupSession) async {
        var application = Pulse(calls: session.calls)
        var lastLook = ContinuousClock.now
        var failures = 0
        while !Task.isCancelled {
            let wait = failures == 0 ? configuration.heartbeatInterval : retryDelay(failures)
            do throws(ClientError) { try await pause(wait) } catch { return }
            guard let identity = state.withLock({ $0.beating }) else { continue }
            if session.isAwaited { application.awaken() } else { application.look(session.calls) }
            if application.silence >= configuration.maximumPollInterval {
                report(.stalled, from: identity)
                continue
            }
            do throws(ClientError) {
                try await beat(identity)
                failures = 0
                if lastLook.duration(to: .now) >= lookInterval {
                    lastLook = .now
                    if try await hasChanged() { report(.topicsChanged, from: identity) }
                }
            } catch {
                failures += 1
                noteMove(error)
                if isTheMembersAffair(error) {
                    failures = 0
                    report(.failed(error), from: identity)
                }
            }
        }
    }

    /// Whether it says something about the member, rather than about the way to the coordinator.
    private func isTheMembersAffair(_ error: ClientError) -> Bool {
        guard let code = error.code else { return false }
        return !Cluster.passingCoordinatorErrors.contains(code)
    }

    private func retryDelay(_ failures: Int) -> Duration {
        min(configuration.heartbeatInterval, cluster.backoff.delay(afterFailures: failures))
    }

    /// Topics are looked at as often as metadata are.
    private var lookInterval: Duration { cluster.configuration.metadataMaximumAge }

    private func report(_ event: ClassicMembership.Event, from identity: ClassicMembership.Identity) {
        state.withLock { state in
            // What concerns an earlier generation is no news.
            if state.beating == identity { state.news = state.news ?? event }
        }
        signal.raise()
    }

    private func beat(_ identity: ClassicMembership.Identity) async throws(ClientError) {
        var request = HeartbeatRequest()
        request.groupID = configuration.id
        request.memberID = identity.memberID
        request.generationID = identity.generation
        request.groupInstanceID = configuration.instanceID
        let connection = try await cluster.coordinator(of: configuration.id, .membership)
        // Version 4 only changes the encoding.
        let response = try await connection.send(request, atMost: 3)
        try Admin.check(response.errorCode, "group '\(configuration.id)'")
    }

    /// Whether other topics match, or have other numbers of partitions, than when the group was shared out.
    private func hasChanged() async throws(ClientError) -> Bool {
        let (subscribed, shared) = state.withLock { ($0.subscribed, $0.shared) }
        if try await subscribedTopics() != subscribed { return true }
        guard let shared else { return false }
        let topics = Set(shared.keys).union(subscribed)
        return try await partitionCounts(topics) != shared
    }
}

/// Whether the application still asks for records. A value.
private struct Pulse {
    private var calls: Int
    private var lastCall = ContinuousClock.now

    init(calls: Int) { self.calls = calls }

    var silence: Duration { lastCall.duration(to: .now) }

    mutating func look(_ new: Int) {
        if new != calls { awaken() }
        calls = new
    }

    mutating func awaken() { lastCall = .now }
}
