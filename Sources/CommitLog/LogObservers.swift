/// Who is told of a log's events. Owned by the log's lock for them.
struct LogObservers {
    /// Told until they are removed.
    private var lasting: [any LogObserver] = []
    /// Told of the next event, whatever it is, and then no longer.
    private var once: [any LogObserver] = []

    var count: Int { lasting.count + once.count }

    mutating func add(_ observer: any LogObserver) { lasting.append(observer) }

    mutating func addForNextEvent(_ observer: any LogObserver) { once.append(observer) }

    mutating func remove(_ observer: any LogObserver) {
        Self.remove(observer, from: &lasting)
        Self.remove(observer, from: &once)
    }

    /// Those to be told of an event now.
    mutating func takeForEvent() -> (lasting: [any LogObserver], once: [any LogObserver]) {
        guard !once.isEmpty else { return (lasting, []) }
        defer { once = [] }
        return (lasting, once)
    }

    /// Thousands may wait for one log, and go in about the order in which they came: looking for one must not go through
    /// all, nor move them.
    private static func remove(_ observer: any LogObserver, from observers: inout [any LogObserver]) {
        guard let index = observers.firstIndex(where: { $0 === observer }) else { return }
        observers.swapAt(index, observers.count - 1)
        observers.removeLast()
    }
}
