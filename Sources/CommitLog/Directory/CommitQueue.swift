import Model

/// Which logs of a directory are to be synced, and when. Owned by the group commit's lock.
///
/// A log is synced by one thread at a time: whoever asks meanwhile is served by its next sync, together with all others.
/// A log may be in the queue twice, once as urgent; it then has nothing left to do the second time.
struct CommitQueue {
    /// The time between syncs for which nobody waits: of producers with acks=1 alone.
    static let relaxedInterval = Duration.milliseconds(5)
    /// So many entries are taken before their places are given back.
    private static let compactionThreshold = 256

    /// First come, first served; those before `head` are taken.
    private var due: [PartitionLog] = []
    private var head = 0
    /// Being synced, and whether someone has asked again since that began.
    private var running: [ObjectIdentifier: Bool] = [:]
    /// To be synced when the interval is over.
    private var relaxed: [PartitionLog] = []
    private var lastRelaxed: Instant?
    /// To be synced later (`flush.ms`), and when the first of them is due.
    private var timed: [ObjectIdentifier: (deadline: Instant, log: PartitionLog)] = [:]
    private var firstTimed: Instant?

    /// Whether a log can be taken now, as far as that is known without looking at the clock.
    var hasDue: Bool { head < due.count }

    /// When the next of those is due that are not yet.
    var nextDeadline: Instant? {
        guard !relaxed.isEmpty, let lastRelaxed else { return firstTimed }
        let next = lastRelaxed.advanced(by: Self.relaxedInterval)
        return firstTimed.map { min($0, next) } ?? next
    }

    /// Takes a request; returns whether there is something new for a thread to look at.
    mutating func add(_ log: PartitionLog, _ request: FlushRequest, now: Instant) -> Bool {
        switch request.urgency {
        case .none: return false
        case .timed: return delay(log, until: now.advanced(by: request.delay))
        case .relaxed:
            relaxed.append(log)
            return relaxed.count == 1
        case .urgent:
            if running[ObjectIdentifier(log)] != nil {
                running[ObjectIdentifier(log)] = true
                return false
            }
            due.append(log)
            return true
        }
    }

    /// The next log to be synced; ``finish(_:)`` has to follow. `isLast`: what nobody waits for is due as well.
    mutating func take(now: Instant, isLast: Bool) -> PartitionLog? {
        takeRelaxed(now, isLast: isLast)
        takeTimed(now)
        while head < due.count {
            let log = due[head]
            head += 1
            if running[ObjectIdentifier(log)] == nil {
                running[ObjectIdentifier(log)] = false
                compact()
                return log
            }
            running[ObjectIdentifier(log)] = true
        }
        compact()
        return nil
    }

    /// Says that the log's sync is over.
    mutating func finish(_ log: PartitionLog) {
        if running.removeValue(forKey: ObjectIdentifier(log)) == true { due.append(log) }
    }

    /// Forgets everything but what is being synced.
    mutating func removeAll() {
        due = []
        head = 0
        relaxed = []
        timed = [:]
        firstTimed = nil
        for log in running.keys { running[log] = false }
    }

    private mutating func compact() {
        guard head == due.count || head >= Self.compactionThreshold else { return }
        due.removeFirst(head)
        head = 0
    }

    private mutating func delay(_ log: PartitionLog, until deadline: Instant) -> Bool {
        let id = ObjectIdentifier(log)
        if let present = timed[id], present.deadline <= deadline { return false }
        timed[id] = (deadline, log)
        if let firstTimed, firstTimed <= deadline { return false }
        firstTimed = deadline
        return true
    }

    private mutating func takeRelaxed(_ now: Instant, isLast: Bool) {
        guard !relaxed.isEmpty else { return }
        if !isLast, let lastRelaxed, lastRelaxed.advanced(by: Self.relaxedInterval) > now { return }
        lastRelaxed = now
        due += relaxed
        relaxed = []
    }

    private mutating func takeTimed(_ now: Instant) {
        guard let firstTimed, firstTimed <= now else { return }
        for (id, entry) in timed where entry.deadline <= now {
            timed[id] = nil
            due.append(entry.log)
        }
        self.firstTimed = timed.values.map(\.deadline).min()
    }
}
