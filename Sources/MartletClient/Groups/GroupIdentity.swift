/// As whom offsets are committed. A value.
struct GroupIdentity: Equatable, Sendable {
    let group: String
    /// Empty for an admin, who may commit while the group has no members.
    var member = ""
    var instance: String?
    /// The generation, or with the newer protocol the member's epoch; −1 for an admin.
    var generation: Int32 = -1

    init(group: String) { self.group = group }
}
