import Model
import NIOCore

/// A member of a classic group, as it decides what to do next: join, wait for its share, read, give up, leave. A value
/// without clock, socket or task of its own; ``ClassicDriver`` does what it says and tells it what came of it.
///
///     joining ─▶ syncing ─▶ giving up ─▶ taking over ─▶ settled
///        ▲                      │                          │
///        └──────────────────────┴───── a rebalance ────────┘
///
/// Eager assignors give up everything before they join; cooperative ones only what the leader gave to others, and then
/// join once more, so that those can have it (KIP-429).
struct ClassicMembership: Equatable, Sendable {
    /// What is to be done now.
    enum Action: Equatable, Sendable {
        /// Ask to be in the group, with what is owned for the leader to see.
        case join(Identity, owned: Set<Partition>)
        /// Ask for the share; whoever leads says everyone's.
        case sync(Generation)
        /// Stop reading these, and let the application finish with them.
        case revoke(Set<Partition>)
        /// Stop reading these at once: others may do so already.
        case lose(Set<Partition>)
        /// Begin reading these.
        case adopt(Set<Partition>)
        /// Read, and send heartbeats, until something happens.
        case settle
        /// Try again a little later.
        case pause(failures: Int)
        /// Wait until the application asks for records again.
        case sleep
        /// Tell the coordinator.
        case leave(Identity, reason: String)
        /// There is nothing left to do; the error is why, unless that was wanted.
        case end(ClientError?)
    }

    /// What came of it.
    enum Event: Equatable, Sendable {
        case joined(Generation)
        /// The coordinator has chosen an id to join with (KIP-394).
        case memberIDGiven(String)
        case synced(Set<Partition>)
        /// The last action, or a heartbeat, has failed.
        case failed(ClientError)
        case revoked
        case lost
        case adopted
        case paused
        /// What the group reads has changed: other topics, or more partitions.
        case topicsChanged
        /// The application has asked for no records for too long.
        case stalled
        /// The application asks for records again.
        case awake
        case left
        /// The application wants to leave.
        case leaveRequested
    }

    /// As whom to speak to the coordinator. A value.
    struct Identity: Equatable, Sendable {
        /// Empty before the coordinator has given one.
        var memberID = ""
        /// −1 outside of the group.
        var generation: Int32 = -1
    }

    /// A generation of the group, as it begins. A value.
    struct Generation: Equatable, Sendable {
        let identity: Identity
        let assignor: String
        /// Empty for all but the leader.
        var members: [Joined] = []
        var isLeader = false
        /// Whether the leader is to assign nothing, because the coordinator knows the shares already (KIP-814).
        var skipsAssignment = false

        struct Joined: Equatable, Sendable {
            let id: String
            let instanceID: String?
            let metadata: ByteBuffer
        }
    }

    private enum Phase: Equatable, Sendable {
        case joining
        case syncing(Generation)
        /// What is to be read after giving up, if that is known already.
        case revoking(Set<Partition>, next: Next)
        case losing(next: Next)
        case adopting(Set<Partition>, joinsAgain: Bool)
        case settled
        case pausing
        case sleeping
        case leaving(next: Next, reason: String)
        case ended(ClientError?)
    }

    private indirect enum Next: Equatable, Sendable {
        case join
        case pauseAndJoin
        case adopt(Set<Partition>, joinsAgain: Bool)
        case sleep
        case leave(reason: String, then: Next)
        case end(ClientError?)
    }

    private let isCooperative: Bool
    private let isStatic: Bool
    private(set) var identity = Identity()
    /// What is being read.
    private(set) var owned: Set<Partition> = []
    private var phase = Phase.joining
    private var failures = 0

    /// - Parameters:
    ///   - isCooperative: Whether all assignors offered let members keep what they read while they join.
    ///   - isStatic: Whether the member has a `group.instance.id`: such a one does not leave, but comes back (KIP-345).
    init(isCooperative: Bool, isStatic: Bool) {
        self.isCooperative = isCooperative
        self.isStatic = isStatic
    }

    /// Whether heartbeats are to be sent.
    var isInGroup: Bool {
        switch phase {
        case .revoking, .adopting, .settled: identity.generation >= 0
        case .joining, .syncing, .losing, .pausing, .sleeping, .leaving, .ended: false
        }
    }

    var action: Action {
        switch phase {
        case .joining: .join(identity, owned: owned)
        case .syncing(let generation): .sync(generation)
        case .revoking(let partitions, _): .revoke(partitions)
        case .losing: .lose(owned)
        case .adopting(let partitions, _): .adopt(partitions)
        case .settled: .settle
        case .pausing: .pause(failures: failures)
        case .sleeping: .sleep
        case .leaving(_, let reason): .leave(identity, reason: reason)
        case .ended(let error): .end(error)
        }
    }

    // MARK: Events

    /// Takes note of what came of the last action, or of what has happened while settled. Events that do not belong to
    /// the phase change nothing.
    mutating func handle(_ event: Event) {
        switch (event, phase) {
        case (_, .ended): return
        case (.leaveRequested, _): requestLeave()
        case (.memberIDGiven(let id), .joining): identity = Identity(memberID: id)
        case (.joined(let generation), .joining):
            identity = generation.identity
            phase = .syncing(generation)
        case (.synced(let assigned), .syncing): settle(with: assigned)
        case (.revoked, .revoking(let partitions, let next)):
            owned.subtract(partitions)
            go(next)
        case (.lost, .losing(let next)):
            owned = []
            go(next)
        case (.adopted, .adopting(let partitions, let joinsAgain)):
            owned.formUnion(partitions)
            failures = 0
            phase = joinsAgain ? .joining : .settled
        case (.paused, .pausing): phase = .joining
        case (.topicsChanged, .settled): rejoin()
        case (.stalled, .settled): stall()
        case (.awake, .sleeping): phase = .joining
        case (.left, .leaving(let next, _)): go(next)
        case (.failed(let error), _): fail(error)
        default: return
        }
    }

    /// Compares what is to be read with what is.
    private mutating func settle(with assigned: Set<Partition>) {
        let surplus = owned.subtracting(assigned)
        let added = assigned.subtracting(owned)
        // Others wait for what is given up here, and get it in the next rebalance.
        let next = Next.adopt(added, joinsAgain: isCooperative && !surplus.isEmpty)
        if surplus.isEmpty { go(next) } else { phase = .revoking(surplus, next: next) }
    }

    /// Joins anew, keeping the place in the group.
    private mutating func rejoin() {
        if isCooperative || owned.isEmpty { phase = .joining } else { phase = .revoking(owned, next: .join) }
    }

    private mutating func go(_ next: Next) {
        switch next {
        case .join: phase = .joining
        case .pauseAndJoin:
            failures += 1
            phase = .pausing
        case .adopt(let partitions, let joinsAgain): phase = .adopting(partitions, joinsAgain: joinsAgain)
        case .sleep:
            identity = Identity()
            phase = .sleeping
        case .leave(let reason, let then): phase = .leaving(next: then, reason: reason)
        case .end(let error): phase = .ended(error)
        }
    }

    // MARK: Failures

    private mutating func fail(_ error: ClientError) {
        // Leaving is a courtesy: the session's end does the same.
        if case .leaving(let next, _) = phase { return go(next) }
        switch error.code {
        case .rebalanceInProgress: isSettled ? rejoin() : retry()
        case .unknownMemberId: restart(as: Identity())
        // The id still counts, the generation does not.
        case .illegalGeneration: restart(as: Identity(memberID: identity.memberID))
        default:
            if error.isRetriable || Cluster.passingCoordinatorErrors.contains(error.code ?? .none) {
                if !isSettled { retry() }
            } else if error.kind != .cancelled {
                giveUp(error)
            }
        }
    }

    private var isSettled: Bool { phase == .settled }

    /// The coordinator does not count this member in any more: others may read what it has read.
    private mutating func restart(as identity: Identity) {
        self.identity = identity
        // What is being given up need not be given up properly any more.
        if owned.isEmpty { go(.pauseAndJoin) } else { phase = .losing(next: .pauseAndJoin) }
    }

    private mutating func retry() {
        switch phase {
        case .joining, .syncing: go(.pauseAndJoin)
        // Taking over has failed before anything was taken over: the share is told again.
        case .adopting: go(.pauseAndJoin)
        case .revoking, .losing, .leaving, .settled, .pausing, .sleeping, .ended: return
        }
    }

    private mutating func giveUp(_ error: ClientError) {
        if owned.isEmpty { phase = .ended(error) } else { phase = .losing(next: .end(error)) }
    }

    // MARK: Leaving

    private mutating func requestLeave() {
        // Static members only go: their place is kept until the session ends, or they are back.
        let isMember = !identity.memberID.isEmpty && !isStatic
        let end = isMember ? Next.leave(reason: "the consumer is being closed", then: .end(nil)) : .end(nil)
        switch phase {
        case .revoking(let partitions, _): phase = .revoking(partitions.union(owned), next: end)
        case .losing: phase = .losing(next: .end(nil))
        case .leaving(_, let reason): phase = .leaving(next: .end(nil), reason: reason)
        case .ended: return
        case .joining, .syncing, .adopting, .settled, .pausing, .sleeping:
            if owned.isEmpty { go(end) } else { phase = .revoking(owned, next: end) }
        }
    }

    private mutating func stall() {
        let next = Next.leave(reason: "no records were asked for within the poll interval", then: .sleep)
        if owned.isEmpty { go(next) } else { phase = .losing(next: isStatic ? .sleep : next) }
    }
}
