package import Model

/// A group of the consumer protocol (KIP-848): members say in heartbeats what they want to read and what they hold, the
/// group decides who is to hold what, and takes every member there on its own, without a pause for the others.
///
/// A value, owned by its coordinator. Heartbeats, timers and outcomes of appends go in, effects come out through the
/// ``GroupStep``. It has no clock of its own, and nothing that clients send grows it beyond ``GroupLimits`` and its
/// settings.
///
/// ```
///   members, subscriptions, topics          targets                     current assignments
///          change: epoch + 1  ──────▶  assigned for that epoch  ──────▶  reconciled one by one
/// ```
///
/// Decisions are seen at once by the next event, but answered only when they are in the log. If one does not get there, the
/// group goes back to what it was before. The host says so before the next event, or else nothing more gets there either:
/// what is in the log never rests on what is not.
package struct ConsumerGroup: Equatable, Sendable {
    package let id: GroupID
    var state: ConsumerGroupState
    /// Decisions that are not in the log yet, oldest first.
    private var undecided: [Undecided] = []
    private(set) var lastAppend: UInt64
    /// What the log says of the group that was in its place, deleted with the first append.
    var replaces: [GroupRecord] = []
    /// Members of the classic protocol that were told to join again, or to fetch their assignment.
    var rejoining: Set<MemberID> = []
    /// The topics for which patterns and metadata were last looked at; nil if they have to be.
    var checkedRevision: UInt64?
    var history: RebalanceHistory
    /// Who held what when the rebalance that is under way began.
    var ownersBefore: [PartitionID: MemberID] = [:]
    /// When the last member left; nil with members.
    var emptySince: Timestamp?
    /// When the group last changed, and when its partitions were last divided; nil before the first time, and after a start.
    var lastChange: Instant?
    var lastAssignment: Instant?
    /// How many partitions were divided then.
    var dividedPartitions = 0

    private struct Undecided: Equatable, Sendable {
        let number: UInt64
        let past: ConsumerGroupPast
        var answers: [Answer]
    }

    typealias Answer = GroupOffsets.Answer

    package init(id: GroupID, now: Timestamp) {
        self.init(id: id, now: now, after: 0, history: RebalanceHistory(members: 0))
    }

    /// The successor of another group of that id.
    ///
    /// - Parameters:
    ///   - last: The number of the last append of the consumer group that was in its place.
    ///   - history: The rebalances so far.
    init(id: GroupID, now: Timestamp, after last: UInt64, history: RebalanceHistory) {
        self.id = id
        lastAppend = last
        state = ConsumerGroupState()
        self.history = history
        emptySince = now
    }

    /// The group as it was written down; its members' timers start with ``resume(_:_:)``.
    package init(id: GroupID, replay: ConsumerGroupReplay, now: Timestamp) {
        self.id = id
        lastAppend = 0
        state = replay.state
        history = RebalanceHistory(members: state.members.count)
        emptySince = state.members.isEmpty ? now : nil
    }

    /// The state as the log has it for good: what others may be told.
    var stored: ConsumerGroupState {
        var stored = state
        for decision in undecided.reversed() { stored.goBack(to: decision.past) }
        return stored
    }

    /// A member as the log has it for good.
    func storedMember(_ id: MemberID) -> ConsumerMember? {
        for decision in undecided {
            if let before = decision.past.members[id] { return before.member }
        }
        return state.members[id]
    }

    /// Whether nobody is a member, nor will be or was according to the log.
    package var isUnused: Bool { state.members.isEmpty && undecided.isEmpty }

    /// Whether everything that was decided is in the log.
    var isDecided: Bool { undecided.isEmpty }

    /// Starts the clocks for members that were loaded.
    package mutating func resume(_ settings: ConsumerGroupSettings, _ step: inout GroupStep) {
        for member in state.inOrder {
            restartSession(of: member, settings, &step)
            watch(member, &step)
        }
        if !isStable(state) { lastChange = step.now.instant }
    }

    // MARK: The log

    /// Ends an event: writes down what it has changed, and answers once that is stored.
    mutating func conclude(answering answer: Answer?, _ step: inout GroupStep) {
        forgetUnusedPatterns()
        let answers = answer.map { [$0] } ?? []
        // Nothing of the group is in the log as long as another is in its place there.
        let known = replaces.isEmpty ? state.past : state.unwrittenPast
        let records = state.records(since: known, now: step.now.timestamp)
        if !records.isEmpty {
            lastAppend += 1
            undecided.append(Undecided(number: lastAppend, past: state.past, answers: answers))
            let written = replaces + records.map { .consumerGroup(id, $0) }
            step.append(written, for: .consumerGroup(lastAppend))
        } else if undecided.isEmpty {
            for answer in answers { step.reply(answer.token, answer.reply) }
        } else {
            // It may rest on what is not stored yet.
            undecided[undecided.count - 1].answers += answers
        }
        state.beginChanges()
        emptySince = state.members.isEmpty ? emptySince ?? step.now.timestamp : nil
    }

    private mutating func forgetUnusedPatterns() {
        for pattern in state.patterns.keys where !state.isUsed(pattern) { state.resolve(pattern, nil) }
    }

    /// An append is in the log, or is not.
    package mutating func appended(
        _ number: UInt64,
        failure: ErrorCode?,
        _ settings: ConsumerGroupSettings,
        _ step: inout GroupStep
    ) {
        // Or it was taken back with an earlier one.
        guard let place = undecided.firstIndex(where: { $0.number == number }) else { return }
        if let failure { return goBack(place, failure, settings, &step) }
        replaces = []
        for answer in undecided.remove(at: place).answers { step.reply(answer.token, answer.reply) }
    }

    /// Takes back a decision, and all that were made since.
    private mutating func goBack(
        _ place: Int,
        _ failure: ErrorCode,
        _ settings: ConsumerGroupSettings,
        _ step: inout GroupStep
    ) {
        let taken = undecided[place...]
        let answers = taken.flatMap(\.answers)
        var lost: [MemberID: CurrentAssignment?] = [:]
        for id in taken.flatMap(\.past.members.keys) { lost[id] = .some(state.members[id]?.current) }
        for decision in taken.reversed() { state.goBack(to: decision.past) }
        undecided.removeSubrange(place...)
        checkedRevision = nil
        for (id, current) in lost.sorted(by: { $0.key < $1.key }) {
            guard let member = state.members[id] else {
                stopClocks(of: id, &step)
                continue
            }
            if current == nil { restartSession(of: member, settings, &step) }
            if current != member.current { watch(member, &step) }
        }
        emptySince = state.members.isEmpty ? emptySince ?? step.now.timestamp : nil
        for answer in answers { step.reply(answer.token, answer.reply.failing(with: failure)) }
    }

    // MARK: Clocks

    func restartSession(
        of member: ConsumerMember,
        _ settings: ConsumerGroupSettings,
        _ step: inout GroupStep
    ) {
        let timeout = member.subscription.classic?.sessionTimeoutMilliseconds ?? settings.sessionTimeoutMilliseconds
        step.setTimer(.session(member.id), milliseconds: timeout)
    }

    /// Gives a member that has to give partitions back the time that it has asked for; others are not watched.
    func watch(_ member: ConsumerMember, _ step: inout GroupStep) {
        if member.current.state == .unrevoked {
            step.setTimer(
                .revocation(member.id),
                milliseconds: max(member.subscription.rebalanceTimeoutMilliseconds, 0)
            )
        } else {
            step.cancelTimer(.revocation(member.id))
        }
    }

    func stopClocks(of id: MemberID, _ step: inout GroupStep) {
        step.cancelTimer(.session(id))
        step.cancelTimer(.revocation(id))
        step.cancelTimer(.rejoin(id))
    }
}

/// Why a request of a member is refused. Immutable.
struct ConsumerRefusal: Error, Equatable {
    let code: ErrorCode
    let message: String

    init(_ code: ErrorCode, _ message: String) {
        self.code = code
        self.message = message
    }
}
