import Groups
import Synchronization

/// How much members of all groups make the coordinator keep. Thread-safe.
final class GroupMemory: Sendable {
    private let bytes = Atomic<Int>(0)

    /// Whether there is room for one more member.
    var hasRoom: Bool { room > 0 }

    /// How many bytes more members may make the coordinator keep.
    var room: Int { max(GroupLimits.memberBytes - bytes.load(ordering: .relaxed), 0) }

    func add(_ change: Int) {
        if change != 0 { bytes.wrappingAdd(change, ordering: .relaxed) }
    }
}
