import DequeModule
import Wire

/// Puts the responses of one connection in the order of its requests (invariant I5). Owned by the event loop.
struct ReplyOrder {
    private enum Slot {
        case waiting
        /// nil: the request gets no response (Produce with acks=0).
        case ready(WireOutput?)
    }

    private var slots: Deque<Slot> = []
    /// The number of the request in the first slot.
    private var first: UInt64 = 0

    /// Requests that have not been answered, or whose answers wait for earlier ones.
    var outstanding: Int { slots.count }

    /// Makes room for the answer to the next request; returns the request's number.
    mutating func admit() -> UInt64 {
        slots.append(.waiting)
        return first + UInt64(slots.count - 1)
    }

    /// Puts an answer in its place. False if the request is not waiting for one.
    mutating func fill(_ number: UInt64, _ response: WireOutput?) -> Bool {
        guard number >= first, number - first < UInt64(slots.count) else { return false }
        let index = Int(number - first)
        guard case .waiting = slots[index] else { return false }
        slots[index] = .ready(response)
        return true
    }

    /// The next answer whose turn it is; nil if it is not there yet.
    mutating func next() -> WireOutput?? {
        guard case .ready(let response)? = slots.first else { return nil }
        slots.removeFirst()
        first += 1
        return .some(response)
    }
}
