import CommitLog
import Groups
import Logging
import Model
import Synchronization

/// The groups of one partition of `__consumer_offsets`. Thread-safe: one lock, under which an event is decided and its
/// records are appended, so that the log has them in the order of the decisions. Replies go out after it is released.
final class GroupShard: LogObserver, Sendable {
    /// What the shard needs of its coordinator.
    struct Environment: Sendable {
        /// What a group decides by now.
        let context: @Sendable (GroupID) -> GroupContext
        let time: any TimeSource
        let log: Logger
        let health: Health
        /// Admits a warning about a group only after a while without one.
        let complaints: Complaints
        let memory: GroupMemory
        /// Runs work that must not hold up an event loop or the group commit.
        let worker: WorkerPool
        /// A timer is due at this time, earlier than any before.
        let wake: @Sendable (Instant) -> Void
    }

    private struct TimerName: Hashable {
        let group: GroupID
        let timer: GroupTimer
    }

    private struct Append {
        let group: GroupID
        let purpose: GroupAppend
        let result: AppendResult
    }

    private struct State {
        var groups: [GroupID: Group] = [:]
        var appends: [Append] = []
        var waiting: [ReplyToken: @Sendable (GroupReply) -> Void] = [:]
        var timers = TimerQueue<TimerName>()
        var tokens: UInt64 = 0
        var promises = GroupPromises()
    }

    /// What is to be done once the lock is released.
    private struct Outbox {
        var replies: [(reply: GroupReply, to: @Sendable (GroupReply) -> Void)] = []
        var notes: [(group: GroupID, note: GroupNote)] = []
        var failure: String?
        var nextTimer: Instant?
    }

    let partition: TopicPartition
    private let log: GroupLog
    let environment: Environment
    private let state: Locked<State>
    private let isWakePending = Atomic<Bool>(false)

    /// Loads what the log says. Blocks.
    init(_ log: PartitionLog, _ environment: Environment) throws {
        partition = log.topicPartition
        self.log = GroupLog(log: log)
        self.environment = environment
        let (replay, unreadable) = try self.log.load()
        if unreadable > 0 {
            environment.log.warning("\(unreadable) records of \(partition) are not readable here and are left out")
        }
        var state = State()
        state.groups = replay.groups(now: environment.time.now)
        for group in state.groups.values { environment.memory.add(group.membership.memberBytes) }
        self.state = Locked(state)
        log.addObserver(self)
        for id in state.groups.keys {
            handle(id) { group, _, context, step in group.resume(context.rules, &step) }
        }
    }

    /// Takes part in nothing any more: the log has been deleted, or the broker stops.
    func close() {
        log.log.removeObserver(self)
        environment.memory.add(-state.withLock { $0.groups.values.reduce(0) { $0 + $1.membership.memberBytes } })
    }

    /// Whether there is room for one more member.
    var hasRoom: Bool { environment.memory.hasRoom }

    /// How many bytes more members may make the coordinator keep.
    var room: Int { environment.memory.room }

    // MARK: Events

    /// Hands an event to a group, which is made if it is not there.
    ///
    /// - Parameter reply: Gets the reply to the token, once, from any thread; nil if the event has none.
    func handle(
        _ id: GroupID,
        reply: (@Sendable (GroupReply) -> Void)? = nil,
        _ event: (inout Group, ReplyToken, GroupContext, inout GroupStep) -> Void
    ) {
        let context = environment.context(id)
        let outbox = state.withLock { state in
            var outbox = Outbox()
            state.tokens += 1
            let token = ReplyToken(rawValue: state.tokens)
            if let reply { state.waiting[token] = reply }
            run(id, &state, &outbox) { group, step in event(&group, token, context, &step) }
            outbox.nextTimer = state.timers.next
            return outbox
        }
        deliver(outbox)
    }

    /// Hands an event without a reply to every group.
    func handleAll(_ event: (inout Group, GroupContext, inout GroupStep) -> Void) {
        for id in ids {
            // One at a time: others get their turn in between.
            handle(id) { group, _, context, step in event(&group, context, &step) }
        }
    }

    /// Looks at a group; nil if there is none.
    func look<Result>(at id: GroupID, _ body: (Group) -> Result) -> Result? {
        state.withLock { state in state.groups[id].map(body) }
    }

    /// The groups of the moment.
    var ids: [GroupID] { state.withLock { Array($0.groups.keys) } }

    private func run(
        _ id: GroupID,
        _ state: inout State,
        _ outbox: inout Outbox,
        _ event: (inout Group, inout GroupStep) -> Void
    ) {
        let time = environment.time
        var step = GroupStep(now: EventTime(timestamp: time.now, instant: time.instant))
        let wasPromise = state.groups[id]?.isPromise ?? false
        let bytes = state.groups[id]?.membership.memberBytes ?? 0
        event(&state.groups[id, default: Group(id: id, now: step.now.timestamp)], &step)
        environment.memory.add((state.groups[id]?.membership.memberBytes ?? 0) - bytes)
        perform(step, id, &state, &outbox)
        guard let group = state.groups[id] else { return }
        if group.isForgettable { state.groups[id] = nil }
        guard !wasPromise, group.isPromise, let oldest = state.promises.add(id) else { return }
        // A client that makes up groups must not fill the memory: whoever waited longest asks for an id again.
        if state.groups[oldest]?.isPromise == true {
            run(oldest, &state, &outbox) { group, step in group.forgetPromises(&step) }
        }
    }

    private func perform(_ step: GroupStep, _ id: GroupID, _ state: inout State, _ outbox: inout Outbox) {
        var refused: [(purpose: GroupAppend, failure: ErrorCode)] = []
        for effect in step.effects {
            switch effect {
            case .reply(let token, let reply):
                if let waiting = state.waiting.removeValue(forKey: token) { outbox.replies.append((reply, waiting)) }
            case .append(let records, let purpose):
                let failure = append(records, purpose, id, step.now.timestamp, &state, &outbox)
                if let failure { refused.append((purpose, failure)) }
            case .setTimer(let timer, let delay):
                state.timers.set(TimerName(group: id, timer: timer), due: step.now.instant.advanced(by: delay))
            case .cancelTimer(let timer): state.timers.cancel(TimerName(group: id, timer: timer))
            case .note(let note): outbox.notes.append((id, note))
            }
        }
        for (purpose, failure) in refused {
            run(id, &state, &outbox) { group, step in
                group.appended(purpose, failure: failure, environment.context(id).rules, &step)
            }
        }
    }

    private func deliver(_ outbox: Outbox) {
        for (reply, waiting) in outbox.replies { waiting(reply) }
        for (group, note) in outbox.notes { tell(note, of: group) }
        if let failure = outbox.failure { environment.log.error("append to \(partition) failed: \(failure)") }
        if let next = outbox.nextTimer { environment.wake(next) }
    }

    // MARK: Appends

    /// Appends the records. Returns why that was refused: the group has to know before the next event.
    private func append(
        _ records: [GroupRecord],
        _ purpose: GroupAppend,
        _ group: GroupID,
        _ now: Timestamp,
        _ state: inout State,
        _ outbox: inout Outbox
    ) -> ErrorCode? {
        do {
            let result = try log.append(records, now: now)
            state.appends.append(Append(group: group, purpose: purpose, result: result))
            return nil
        } catch {
            outbox.failure = "\(error)"
            return GroupShard.code(for: error, purpose)
        }
    }

    /// What clients are told of an append that failed: to look for the coordinator again, unless that cannot help.
    private static func code(for error: any Error, _ purpose: GroupAppend) -> ErrorCode {
        let code = (error as? LogError)?.errorCode
        guard code == .messageTooLarge || code == .recordListTooLarge else { return .coordinatorNotAvailable }
        return switch purpose {
        case .offsets, .expiry, .deletion: .invalidCommitOffsetSize
        // As Kafka says it: there is no better word.
        case .emptied, .assignments, .restartedMember, .consumerGroup: .unknownServerError
        }
    }

    func highWatermarkAdvanced() { wakeUp() }

    func logClosed() { wakeUp() }

    /// The append that is told of may be one of ours, made under our lock: the outcome is looked at elsewhere.
    private func wakeUp() {
        guard !isWakePending.exchange(true, ordering: .acquiringAndReleasing) else { return }
        environment.worker.submit { [self] in
            isWakePending.store(false, ordering: .releasing)
            settle()
        }
    }

    /// Tells groups of the appends that are stored, or have failed, in their order.
    private func settle() {
        let outbox = state.withLock { state in
            var outbox = Outbox()
            var settled = 0
            while settled < state.appends.count, let outcome = outcome(of: state.appends[settled]) {
                let append = state.appends[settled]
                settled += 1
                run(append.group, &state, &outbox) { group, step in
                    let rules = environment.context(append.group).rules
                    group.appended(append.purpose, failure: outcome.failure, rules, &step)
                }
            }
            state.appends.removeFirst(settled)
            outbox.nextTimer = state.timers.next
            return outbox
        }
        deliver(outbox)
    }

    private enum Outcome {
        case stored
        case failed(ErrorCode)

        var failure: ErrorCode? {
            if case .failed(let code) = self { return code }
            return nil
        }
    }

    /// The outcome of an append; nil if there is none yet.
    private func outcome(of append: Append) -> Outcome? {
        let result = append.result
        if log.log.isStored(upTo: result.lastOffset, mustBeDurable: result.mustBeDurable) { return .stored }
        return log.log.stop == nil ? nil : .failed(.coordinatorNotAvailable)
    }

    // MARK: Timers

    /// Fires the timers that are due. Returns when to look again.
    func fireTimers() -> Instant? {
        let now = environment.time.instant
        let (outbox, next) = state.withLock { state in
            var outbox = Outbox()
            while let name = state.timers.pop(now: now) {
                run(name.group, &state, &outbox) { group, step in
                    group.expired(name.timer, environment.context(name.group).rules, &step)
                }
            }
            return (outbox, state.timers.next)
        }
        deliver(outbox)
        return next
    }
}
