/// Counts the assignments a classic group has had: what a member holds, it holds for one generation. Immutable.
package struct Generation: RawRepresentable, Hashable, Comparable, Sendable, CustomStringConvertible {
    package let rawValue: Int32

    package init(rawValue: Int32) { self.rawValue = rawValue }

    package init(_ value: Int32) { rawValue = value }

    /// "No generation", as clients say that take no part in the group's rebalances.
    package static let none = Generation(-1)

    /// Of a group that never had an assignment.
    package static let initial = Generation(0)

    /// The generation after this one. Starts anew after 2³¹−1 rather than ever being negative, which would mean "none".
    package var next: Generation { Generation(rawValue == .max ? 1 : rawValue + 1) }

    package static func < (left: Generation, right: Generation) -> Bool { left.rawValue < right.rawValue }

    package var description: String { String(rawValue) }
}
