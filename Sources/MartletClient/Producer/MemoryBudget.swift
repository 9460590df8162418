/// How many bytes of records may wait to be delivered, and who waits for room, first come first served. A value, owned
/// by the accumulator.
struct MemoryBudget {
    let limit: Int
    private(set) var used = 0
    private var waiters: [(id: UInt64, bytes: Int, room: Promise<Void>)] = []
    private var nextID: UInt64 = 0

    init(limit: Int) { self.limit = limit }

    /// Whether somebody waits: then nothing should linger.
    var isExhausted: Bool { !waiters.isEmpty }

    /// Takes `bytes` if there is room and nobody waits for it already.
    mutating func reserve(_ bytes: Int) -> Bool {
        guard waiters.isEmpty, used + bytes <= limit else { return false }
        used += bytes
        return true
    }

    /// Queues up for `bytes`. When the promise completes they are reserved.
    mutating func wait(for bytes: Int) -> (id: UInt64, room: Promise<Void>) {
        nextID += 1
        let room = Promise<Void>()
        waiters.append((nextID, bytes, room))
        return (nextID, room)
    }

    /// Takes a waiter that lost interest out of the queue, or gives back what it was granted meanwhile.
    ///
    /// - Returns: The promises to complete, outside of any lock.
    mutating func abandon(_ id: UInt64, bytes: Int) -> [Promise<Void>] {
        guard let index = waiters.firstIndex(where: { $0.id == id }) else { return release(bytes) }
        waiters.remove(at: index)
        return grant()
    }

    /// Gives bytes back.
    ///
    /// - Returns: The promises of those who have room now, to be completed outside of any lock.
    mutating func release(_ bytes: Int) -> [Promise<Void>] {
        used -= bytes
        return grant()
    }

    private mutating func grant() -> [Promise<Void>] {
        var granted: [Promise<Void>] = []
        while let first = waiters.first, used + first.bytes <= limit {
            used += first.bytes
            granted.append(first.room)
            waiters.removeFirst()
        }
        return granted
    }

    /// Empties the queue, when there will be no room any more.
    mutating func abandonAll() -> [Promise<Void>] {
        defer { waiters = [] }
        return waiters.map(\.room)
    }
}
