/// Counts the changes of a consumer group: what a member holds it holds since an epoch of the group, and what it says it
/// says as of one. Immutable.
package struct MemberEpoch: RawRepresentable, Hashable, Comparable, Sendable, CustomStringConvertible {
    package let rawValue: Int32

    package init(rawValue: Int32) { self.rawValue = rawValue }

    package init(_ value: Int32) { rawValue = value }

    /// What a member says that wants to join; also of a group that never had a member.
    package static let joining = MemberEpoch(0)
    /// What a member says that leaves for good.
    package static let leaving = MemberEpoch(-1)
    /// What a static member says that will be back.
    package static let pausing = MemberEpoch(-2)

    /// The epoch after this one. Starts anew after 2³¹−1 rather than ever being negative, which has other meanings.
    package var next: MemberEpoch { MemberEpoch(rawValue >= .max ? 1 : rawValue + 1) }

    package static func < (left: MemberEpoch, right: MemberEpoch) -> Bool { left.rawValue < right.rawValue }

    package var description: String { String(rawValue) }
}
