import Groups
import Model

/// The shards of all partitions of `__consumer_offsets`. Immutable; each shard has a lock of its own.
struct GroupShards: Sendable {
    /// Which `__consumer_offsets` that is: it can be deleted and made anew.
    let topicID: TopicID
    /// By partition; nil if the partition's log is offline.
    let shards: [GroupShard?]

    var all: [GroupShard] { shards.compactMap { $0 } }

    /// The shard of a group; nil if it is offline.
    func shard(of group: GroupID) -> GroupShard? {
        shards.isEmpty ? nil : shards[Self.partition(of: group, count: shards.count)]
    }

    /// The partition of a group: Java's hash of its name, so that tools which look there find it.
    static func partition(of group: GroupID, count: Int) -> Int {
        var hash: Int32 = 0
        for unit in group.rawValue.utf16 { hash = hash &* 31 &+ Int32(unit) }
        return Int(hash & .max) % count
    }
}
