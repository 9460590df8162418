import Groups
import Synchronization

/// How much members of all groups make the coordinator keep. Thread-safe.
final class GroupMemory: Sendable {
    private let bytes = Atomic<Int>(0)

    /// Whether there is room for one more member.
    var hasRoom: Bool { bytes.load(ordering: .relaxed) < GroupLimits.memberBytes }

    func add(_ change: Int) {
        if change != 0 { bytes.wrappingAdd(change, ordering: .relaxed) }
    }
}
