import HeapModule
import Model

/// Named timers in the order in which they are due. A value.
///
/// Most timers are put off again and again (every heartbeat does), so that costs a dictionary entry and nothing else: the
/// heap is looked after when a timer's old time comes.
struct TimerQueue<Name: Hashable & Sendable>: Sendable {
    private struct Entry: Comparable, Sendable {
        let due: Instant
        let name: Name

        static func < (left: Entry, right: Entry) -> Bool { left.due < right.due }
        static func == (left: Entry, right: Entry) -> Bool { left.due == right.due }
    }

    private struct Timer: Sendable {
        var due: Instant
        /// When its entry in the heap is due, no later than the timer.
        var queued: Instant
    }

    private var timers: [Name: Timer] = [:]
    private var heap = Heap<Entry>()
    /// Below this many entries the heap is not worth cleaning.
    private static var smallHeap: Int { 1024 }

    init() {}

    var isEmpty: Bool { timers.isEmpty }

    /// When to look again: no later than when the next timer is due.
    var next: Instant? { timers.isEmpty ? nil : heap.min?.due }

    /// Sets a timer, or puts it off or forward.
    mutating func set(_ name: Name, due: Instant) {
        if let timer = timers[name], timer.queued <= due {
            timers[name]?.due = due
            return
        }
        timers[name] = Timer(due: due, queued: due)
        heap.insert(Entry(due: due, name: name))
        clean()
    }

    mutating func cancel(_ name: Name) { timers[name] = nil }

    /// Takes out a timer that is due.
    mutating func pop(now: Instant) -> Name? {
        while let entry = heap.min, entry.due <= now {
            _ = heap.removeMin()
            // Cancelled, or brought forward by a later entry.
            guard let timer = timers[entry.name], timer.queued == entry.due else { continue }
            if timer.due <= now {
                timers[entry.name] = nil
                return entry.name
            }
            timers[entry.name]?.queued = timer.due
            heap.insert(Entry(due: timer.due, name: entry.name))
        }
        return nil
    }

    /// Drops what cancelled timers have left behind, once that is most of the heap.
    private mutating func clean() {
        guard heap.count > Self.smallHeap, heap.count > 2 * timers.count else { return }
        heap = Heap(timers.map { Entry(due: $0.value.queued, name: $0.key) })
    }
}
