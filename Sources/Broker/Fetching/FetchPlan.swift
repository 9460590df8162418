import Model
import Wire

/// What a fetch has to do: its partitions in the order in which they are served, and its limits. Immutable.
struct FetchPlan: Sendable {
    /// What is fetched.
    enum Source: Sendable {
        /// What the request names.
        case targets([FetchTarget])
        /// What the session holds.
        case session(FetchSession)
    }

    let source: Source
    /// Whether partitions without news are left out of the response.
    let isIncremental: Bool

    let version: Int16
    let maximumBytes: Int
    let minimumBytes: Int
    let maximumWait: Duration
    let readsCommittedOnly: Bool

    /// Whether the client names topics by id.
    var usesTopicIDs: Bool { version >= 13 }

    /// The session the response belongs to; nil without one.
    var session: FetchSession? {
        guard case .session(let session) = source else { return nil }
        return session
    }

    /// Whether nothing is fetched.
    var isEmpty: Bool {
        guard case .targets(let targets) = source else { return false }
        return targets.isEmpty
    }
}
