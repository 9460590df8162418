import Groups
import Model

/// Topics that a test makes and deletes. A value.
struct FakeTopics: ConsumerTopics {
    private(set) var revision: UInt64 = 1
    private var byName: [String: ConsumerTopic] = [:]

    mutating func set(_ name: String, partitions: Int32?) {
        revision += 1
        guard let partitions else {
            byName[name] = nil
            return
        }
        let id = byName[name]?.id ?? TopicID(high: revision, low: revision)
        byName[name] = ConsumerTopic(name: name, id: id, partitions: partitions)
    }

    func topic(named name: String) -> ConsumerTopic? { byName[name] }

    func topic(_ id: TopicID) -> ConsumerTopic? { byName.values.first { $0.id == id } }

    func names(matching pattern: String) -> [String]? {
        do {
            let regex = try Regex(pattern)
            return try byName.keys.filter { try regex.wholeMatch(in: $0) != nil }.sorted()
        } catch {
            return nil
        }
    }
}

/// The world around one consumer group: clock, timers, topics, log. Everything happens when a test says so. Owned by one
/// test.
struct ConsumerHost {
    static let groupID = GroupID("g")
    /// How often timers may fire in one stretch of time.
    private static let maximumRounds = 100_000

    var settings = ConsumerGroupSettings()
    var topics = FakeTopics()
    private(set) var group = ConsumerGroup(id: groupID, now: Timestamp(milliseconds: 0))
    /// Milliseconds since the beginning.
    private(set) var now = 0
    private(set) var timers: [GroupTimer: Int] = [:]
    /// What the log says.
    private var replay = ConsumerGroupReplay()
    /// Appends whose outcome the group has not been told.
    private(set) var appends: [(records: [ConsumerGroupRecord], number: UInt64)] = []
    /// Whether appends stay without an outcome until ``settleAppend(failure:)``.
    var isLogStalled = false
    /// What the group did and nobody has looked at yet.
    private(set) var effects: [GroupEffect] = []
    private var tokens: UInt64 = 0
    /// Why the log takes nothing now; nil if it does.
    var refusal: ErrorCode?

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
    mutating func handle(_ event: (inout ConsumerGroup, FakeTopics, ConsumerGroupSettings, inout GroupStep) -> Void) {
        var step = GroupStep(now: time)
        event(&group, topics, settings, &step)
        for effect in step.effects { perform(effect) }
        if let refusal, case .append(_, .consumerGroup(let number))? = step.effects.first(where: \.isAppend) {
            appends.removeLast()
            return handle { group, _, settings, step in group.appended(number, failure: refusal, settings, &step) }
        }
        while !isLogStalled, !appends.isEmpty { settleAppend(failure: nil) }
    }

    private mutating func perform(_ effect: GroupEffect) {
        effects.append(effect)
        switch effect {
        case .setTimer(let timer, let delay): timers[timer] = now + Int(delay / .milliseconds(1))
        case .cancelTimer(let timer): timers[timer] = nil
        case .append(let records, .consumerGroup(let number)):
            let own = records.compactMap { record in
                if case .consumerGroup(Self.groupID, let own) = record { own } else { nil }
            }
            invariant(own.count == records.count, "a consumer group writes records of its own only, now \(records)")
            appends.append((own, number))
        case .append, .reply, .note: break
        }
    }

    /// Tells the group of the outcome of its oldest append.
    mutating func settleAppend(failure: ErrorCode?) {
        guard !appends.isEmpty else { return }
        let (records, number) = appends.removeFirst()
        if failure == nil { for record in records { replay.apply(record) } }
        handle { group, _, settings, step in group.appended(number, failure: failure, settings, &step) }
    }

    /// What is wrong with the log: a group put together from it is not the one there is. Nil if nothing is.
    var problem: String? {
        guard appends.isEmpty else { return nil }
        let copy = ConsumerGroup(id: Self.groupID, replay: replay, now: time.timestamp).description(settings)
        let actual = group.description(settings)
        return copy == actual ? nil : "the log says \(copy), but the group is \(actual)"
    }

    /// The time of the next timer.
    var nextTimer: Int? { timers.values.min() }

    /// Lets time pass; timers that are due in the meantime fire in their order.
    mutating func advance(to end: Int) {
        var rounds = 0
        while let due = nextTimer, due <= end {
            rounds += 1
            invariant(rounds <= Self.maximumRounds, "timers fire without end, now \(timers)")
            now = max(now, due)
            for timer in timers.filter({ $0.value == due }).keys.sorted(by: { "\($0)" < "\($1)" }) {
                guard timers[timer] == due else { continue }
                timers[timer] = nil
                fire(timer)
            }
        }
        now = end
    }

    private mutating func fire(_ timer: GroupTimer) {
        handle { group, _, _, step in
            switch timer {
            case .session(let id): group.sessionExpired(id, &step)
            case .revocation(let id): group.revocationExpired(id, &step)
            case .rejoin(let id): group.rejoinExpired(id, &step)
            case .calm: group.calmed(&step)
            case .join, .sync: break
            }
        }
    }

    /// Ends the coordinator and starts another from the log. What was on its way there may have arrived.
    mutating func restart(survivors: Int = 0) {
        for append in appends.prefix(survivors) { for record in append.records { replay.apply(record) } }
        appends = []
        timers = [:]
        effects = []
        group = ConsumerGroup(id: Self.groupID, replay: replay, now: time.timestamp)
        handle { group, _, settings, step in group.resume(settings, &step) }
    }

    /// What the group did since the last call.
    mutating func takeEffects() -> [GroupEffect] {
        defer { effects = [] }
        return effects
    }
}

extension GroupEffect {
    fileprivate var isAppend: Bool {
        if case .append = self { true } else { false }
    }
}
