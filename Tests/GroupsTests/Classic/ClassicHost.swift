import Groups
import Model

/// The world around one classic group: clock, timers, log. Everything happens when a test says so. Owned by one test.
struct ClassicHost {
    static let groupID = GroupID("g")
    /// How often timers may fire in one stretch of time.
    private static let maximumRounds = 100_000

    var settings = ClassicGroupSettings()
    private(set) var group = ClassicGroup(id: groupID, now: Timestamp(milliseconds: 0))
    /// Milliseconds since the beginning.
    private(set) var now = 0
    private(set) var timers: [GroupTimer: Int] = [:]
    /// What is in the log for good.
    private(set) var log: [GroupRecord] = []
    /// Appends whose outcome the group has not been told.
    private(set) var appends: [(records: [GroupRecord], purpose: GroupAppend)] = []
    /// Whether appends stay without an outcome until ``settleAppend(failure:)``.
    var isLogStalled = false
    /// What the group did and nobody has looked at yet.
    private(set) var effects: [GroupEffect] = []
    private var tokens: UInt64 = 0

    var time: EventTime {
        EventTime(
            timestamp: Timestamp(milliseconds: Int64(now)),
            instant: Instant(nanoseconds: Int64(now) * 1_000_000)
        )
    }

    mutating func nextToken() -> ReplyToken {
        tokens += 1
        return ReplyToken(rawValue: tokens)
    }

    /// Hands an event to the group and performs the effects.
    mutating func handle(_ event: (inout ClassicGroup, ClassicGroupSettings, inout GroupStep) -> Void) {
        var step = GroupStep(now: time)
        event(&group, settings, &step)
        for effect in step.effects { perform(effect) }
        while !isLogStalled, !appends.isEmpty { settleAppend(failure: nil) }
    }

    private mutating func perform(_ effect: GroupEffect) {
        effects.append(effect)
        switch effect {
        case .setTimer(let timer, let delay): timers[timer] = now + Int(delay / .milliseconds(1))
        case .cancelTimer(let timer): timers[timer] = nil
        case .append(let records, let purpose): appends.append((records, purpose))
        case .reply, .note: break
        }
    }

    /// Tells the group of the outcome of its oldest append.
    mutating func settleAppend(failure: ErrorCode?) {
        guard !appends.isEmpty else { return }
        let (records, purpose) = appends.removeFirst()
        if failure == nil { log += records }
        handle { group, settings, step in group.appended(purpose, failure: failure, settings, &step) }
    }

    /// The time of the next timer.
    var nextTimer: Int? { timers.values.min() }

    /// Lets time pass; timers that are due in the meantime fire in their order.
    mutating func advance(to end: Int) {
        var rounds = 0
        while let due = nextTimer, due <= end {
            rounds += 1
            // A group that sets timers which are due at once would keep a test busy for ever.
            invariant(rounds <= Self.maximumRounds, "timers fire without end, now \(timers)")
            now = max(now, due)
            // Among timers of one moment any order is as good; a fixed one keeps tests repeatable.
            for timer in timers.filter({ $0.value == due }).keys.sorted(by: { "\($0)" < "\($1)" }) {
                guard timers[timer] == due else { continue }
                timers[timer] = nil
                fire(timer)
            }
        }
        now = end
    }

    private mutating func fire(_ timer: GroupTimer) {
        handle { group, settings, step in
            switch timer {
            case .join: group.joinTimeExpired(settings, &step)
            case .sync: group.syncTimeExpired(settings, &step)
            case .session(let id): group.sessionExpired(id, settings, &step)
            case .revocation, .rejoin: break
            case .calm: group.calmed(&step)
            }
        }
    }

    mutating func takeEffects() -> [GroupEffect] {
        defer { effects = [] }
        return effects
    }

    /// The coordinator dies and comes back with what is in the log.
    ///
    /// - Parameter survivors: How many of the appends without an outcome made it into the log.
    mutating func restart(survivors: Int = 0) {
        for append in appends.prefix(survivors) { log += append.records }
        appends = []
        timers = [:]
        effects = []
        group = ClassicGroup(id: Self.groupID, now: time.timestamp)
        for case .classicGroup(_, let value?) in log.suffix(1) { group = ClassicGroup(id: Self.groupID, value: value) }
        handle { group, settings, step in group.resume(settings, &step) }
    }
}
