import Model

/// What a client fetches again and again, remembered so that it need not say it again (KIP-227). Thread-safe.
final class FetchSession: Sendable {
    let id: Int32
    /// Whether the client names topics by id.
    let usesTopicIDs: Bool

    private struct State {
        /// The epoch the next request must have.
        var epoch: Int32 = 1
        var targets: [FetchTarget] = []
        var positions: [FetchTarget.Key: Int] = [:]
        /// Where the next fetch starts, so that no partition is always last.
        var start = 0
        var lastUsed: Instant
    }

    private let state: Locked<State>

    init(id: Int32, usesTopicIDs: Bool, targets: [FetchTarget], now: Instant) {
        self.id = id
        self.usesTopicIDs = usesTopicIDs
        var state = State(lastUsed: now)
        for target in targets { Self.put(target, in: &state) }
        self.state = Locked(state)
    }

    var partitionCount: Int { state.withLock { $0.targets.count } }

    var lastUsed: Instant { state.withLock { $0.lastUsed } }

    /// Applies an incremental request; its partitions in serving order, or nil if the epoch is not the expected one.
    func advance(
        epoch: Int32,
        changed: [FetchTarget],
        forgotten: [FetchTarget.Key],
        now: Instant
    ) -> [FetchTarget]? {
        state.withLock { state in
            guard state.epoch == epoch else { return nil }
            state.epoch = epoch == .max ? 1 : epoch + 1
            state.lastUsed = now
            for target in changed { Self.put(target, in: &state) }
            Self.remove(forgotten, from: &state)
            return Self.rotated(state)
        }
    }

    /// Remembers what the client is being told, and where the next fetch goes on.
    func told(_ news: [(key: FetchTarget.Key, highWatermark: Int64, logStart: Int64)], lastServed: FetchTarget.Key?) {
        state.withLock { state in
            for (key, highWatermark, logStart) in news {
                guard let position = state.positions[key] else { continue }
                state.targets[position].toldHighWatermark = highWatermark
                state.targets[position].toldLogStart = logStart
            }
            if let lastServed, let position = state.positions[lastServed] { state.start = position + 1 }
        }
    }

    private static func put(_ target: FetchTarget, in state: inout State) {
        if let position = state.positions[target.key] {
            state.targets[position].update(from: target)
        } else {
            state.positions[target.key] = state.targets.count
            state.targets.append(target)
        }
    }

    private static func remove(_ keys: [FetchTarget.Key], from state: inout State) {
        guard !keys.isEmpty else { return }
        let gone = Set(keys)
        state.targets.removeAll { gone.contains($0.key) }
        state.positions = Dictionary(
            uniqueKeysWithValues: state.targets.enumerated().map { ($1.key, $0) }
        )
    }

    private static func rotated(_ state: State) -> [FetchTarget] {
        let start = state.targets.isEmpty ? 0 : state.start % state.targets.count
        return start == 0 ? state.targets : Array(state.targets[start...] + state.targets[..<start])
    }
}
