/// Keeps a consumer in its group, by one of the protocols: tells the session what to take over and what to give up.
protocol GroupDriver: Sendable {
    /// Is a member of the group until it has left, or cannot be any more.
    func run(_ session: GroupSession) async

    /// Lets ``run(_:)`` leave the group and end.
    func leave()
}

/// Whether the application still asks for records. A value, owned by the task that sends heartbeats.
struct Pulse {
    private var calls: Int
    private var lastCall = ContinuousClock.now

    init(calls: Int) { self.calls = calls }

    /// How long it has not asked.
    var silence: Duration { lastCall.duration(to: .now) }

    mutating func look(_ session: GroupSession) {
        let now = session.calls
        // Whoever waits has asked, however long ago.
        if now != calls || session.isAwaited { lastCall = .now }
        calls = now
    }
}
