import CommitLog
import Model
import Synchronization

/// The produces of one event loop that wait until their records are stored, by log and in the order of their appends: what
/// a sync has made durable is answered in one go, however many requests that are. One timer serves all. Owned by the
/// event loop.
final class StorageWaits: @unchecked Sendable {
    // Safe: touched on the event loop only.

    private let reactor: any Reactor
    private let time: any TimeSource
    private var queues: [ObjectIdentifier: StorageQueue] = [:]
    private var timer: (deadline: Instant, work: ScheduledWork)?

    init(reactor: any Reactor, time: any TimeSource) {
        self.reactor = reactor
        self.time = time
    }

    var isEmpty: Bool { queues.isEmpty }

    /// Tells `produce` what becomes of its appends, perhaps at once.
    func add(_ produce: PendingProduce) {
        awake(by: produce.deadline)
        for (number, append) in produce.appends.enumerated() {
            let id = ObjectIdentifier(append.log)
            let entry = StorageQueue.Entry(produce: produce, number: number)
            if let queue = queues[id] {
                queue.entries.append(entry)
            } else {
                let queue = StorageQueue(log: append.log, waits: self, reactor: reactor)
                queue.entries.append(entry)
                queues[id] = queue
                append.log.addObserver(queue)
                // What was stored between the append and now woke nobody.
                queue.settle()
            }
        }
    }

    /// Forgets a produce that nobody waits for any more.
    func remove(_ produce: PendingProduce) {
        for append in produce.appends {
            guard let queue = queues[ObjectIdentifier(append.log)] else { continue }
            queue.entries.removeAll { $0.produce === produce }
            if queue.entries.isEmpty { retire(queue) }
        }
    }

    fileprivate func retire(_ queue: StorageQueue) {
        queue.log.removeObserver(queue)
        queues[ObjectIdentifier(queue.log)] = nil
    }

    // MARK: Time

    private func awake(by deadline: Instant) {
        if let timer, timer.deadline <= deadline { return }
        timer?.work.cancel()
        let delay = time.instant.duration(to: deadline)
        timer = (deadline, reactor.schedule(after: delay) { [self] in expire() })
    }

    private func expire() {
        timer = nil
        let now = time.instant
        let late = queues.values.flatMap { queue in queue.entries.map(\.produce).filter { $0.deadline <= now } }
        for produce in late { produce.timeOut() }
        for queue in Array(queues.values) {
            queue.entries.removeAll { $0.produce.isDone }
            if queue.entries.isEmpty { retire(queue) }
        }
        let next = queues.values.flatMap { queue in queue.entries.map(\.produce.deadline) }.min()
        if let next { awake(by: next) }
    }
}

/// Who waits for one log. Owned by the event loop.
private final class StorageQueue: LogObserver, @unchecked Sendable {
    // Safe: mutable state is touched on the event loop only; `isWakePending` is atomic.

    /// One append of a produce.
    struct Entry {
        let produce: PendingProduce
        let number: Int

        var append: UnstoredAppend { produce.appends[number] }
    }

    let log: PartitionLog
    var entries: [Entry] = []
    private let waits: StorageWaits
    private let reactor: any Reactor
    /// Set from the first wake-up until it is acted on.
    private let isWakePending = Atomic<Bool>(false)

    init(log: PartitionLog, waits: StorageWaits, reactor: any Reactor) {
        self.log = log
        self.waits = waits
        self.reactor = reactor
    }

    /// Tells those whose records are stored, in order; all of them if nothing more will be.
    func settle() {
        let offsets = log.offsets
        let count = entries.firstIndex { !$0.append.isStored(offsets) } ?? entries.count
        let stored = entries[..<count]
        entries.removeFirst(count)
        for entry in stored { entry.produce.noteStored() }
        if !entries.isEmpty, let reason = log.stop {
            let failed = entries
            entries = []
            for entry in failed { entry.produce.noteFailed(entry.number, reason) }
        }
        if entries.isEmpty { waits.retire(self) }
    }

    func highWatermarkAdvanced() { wake() }

    func logClosed() { wake() }

    private func wake() {
        guard !isWakePending.exchange(true, ordering: .acquiringAndReleasing) else { return }
        reactor.execute { [self] in
            isWakePending.store(false, ordering: .releasing)
            // Retired meanwhile, and perhaps replaced.
            if !entries.isEmpty { settle() }
        }
    }
}
