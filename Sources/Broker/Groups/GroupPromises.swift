import Groups

/// The groups that were nothing but a promise at some time, the oldest first. A value, owned by its shard.
struct GroupPromises: Sendable {
    private var ids: [GroupID] = []
    /// What is before has been taken out.
    private var first = 0

    /// Adds a group. Returns the oldest one if there are more than may be: it must be forgotten, if it is still a promise.
    mutating func add(_ id: GroupID) -> GroupID? {
        ids.append(id)
        guard ids.count - first > GroupLimits.promisedGroups else { return nil }
        let oldest = ids[first]
        first += 1
        if first > GroupLimits.promisedGroups {
            ids.removeFirst(first)
            first = 0
        }
        return oldest
    }
}
