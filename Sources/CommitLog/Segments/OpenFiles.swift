import Model
import Synchronization

/// Keeps the number of files that logs have open, and of their mappings, below a limit: closes those that have not been
/// used for long when others are opened. Thread-safe; its lock is a leaf, below those of segments and index files.
///
/// It is a queue with a second chance: who was used since its last turn goes to the end once more. A file with bytes that
/// are not synced is never closed, since the news of a failed write-back might go with its descriptor.
package final class OpenFiles: Sendable {
    /// How many files may be open, each with one mapping at most.
    package var limit: Int { currentLimit.load(ordering: .relaxed) }
    private let currentLimit: Atomic<Int>
    private let state = Locked(State())
    /// How many are looked at for each that is opened, so that nobody pays for all at once.
    private static let looksPerOpening = 64

    private struct State {
        var queue: [Entry] = []
        /// The first in `queue`; those before it are taken out, and dropped now and then.
        var head = 0
        var pressureHandlers: [@Sendable () -> Void] = []

        var count: Int { queue.count - head }

        mutating func takeFirst() -> Entry? {
            guard head < queue.count else { return nil }
            defer {
                head += 1
                if head >= 1024, head * 2 >= queue.count {
                    queue.removeFirst(head)
                    head = 0
                }
            }
            return queue[head]
        }
    }

    private struct Entry {
        weak var holder: (any FileHolder)?
    }

    package init(limit: Int) {
        invariant(limit > 0, "a log needs at least one open file, not \(limit)")
        currentLimit = Atomic(limit)
    }

    /// Changes how many files may be open, because others need more descriptors, or fewer. Closes one or a few of those that
    /// are too many: where the limit goes down step by step, that keeps up with it.
    package func setLimit(_ limit: Int) {
        invariant(limit > 0, "a log needs at least one open file, not \(limit)")
        if currentLimit.exchange(limit, ordering: .relaxed) > limit { trim() }
    }

    /// About how many files are open.
    package var count: Int { state.withLock { $0.count } }

    /// Has `handler` told, on any thread, that files cannot be closed because they are not synced. It must not block.
    func addPressureHandler(_ handler: @escaping @Sendable () -> Void) {
        state.withLock { $0.pressureHandlers.append(handler) }
    }

    /// Notes that `holder` has opened its file, and closes others if there are too many now. Never waits for a lock that
    /// somebody may hold for long, so that the holder's own may be held.
    func opened(_ holder: any FileHolder) {
        state.withLock { $0.queue.append(Entry(holder: holder)) }
        trim()
    }

    /// Closes files if there are too many: one may have become fit for it.
    func trim() {
        let count = self.count
        if count > limit { close(count - limit, looks: Self.looksPerOpening) }
    }

    /// Closes `count` files that can be spared, or as many as there are. For whoever has found that the process may open
    /// no more. Returns how many.
    @discardableResult
    package func spare(_ count: Int) -> Int {
        // Twice as many as there are: each may use its second chance once.
        close(count, looks: 2 * self.count)
    }

    @discardableResult
    private func close(_ count: Int, looks: Int) -> Int {
        var closed = 0
        var isPressed = false
        for _ in 0..<looks where closed < count {
            guard let entry = state.withLock({ $0.takeFirst() }) else { break }
            switch entry.holder?.closeUnlessUsed() {
            case nil, .closed: closed += 1
            case .unsynced:
                isPressed = true
                state.withLock { $0.queue.append(entry) }
            case .used: state.withLock { $0.queue.append(entry) }
            }
        }
        if isPressed, closed < count { for handler in state.withLock({ $0.pressureHandlers }) { handler() } }
        return closed
    }
}

/// Something with a file that it can close and open again.
protocol FileHolder: AnyObject, Sendable {
    /// Closes the file and its mapping, unless they were used since the last call or must stay open. Must not wait.
    func closeUnlessUsed() -> ClosingOutcome
}

/// What became of a file that was to be closed.
enum ClosingOutcome {
    /// It is closed; that it is opened again is to be noted.
    case closed
    /// It was used a moment ago, or is being used.
    case used
    /// It has bytes that are not synced.
    case unsynced
}
