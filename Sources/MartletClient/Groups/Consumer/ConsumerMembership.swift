import Model

/// A member of a group of the consumer protocol (KIP-848), as it decides what to do next. The coordinator tells in answers to
/// heartbeats what to read; the member gives up what it is to give up, takes over what it is to take over, and says so. A
/// value without clock, socket or task of its own; ``ConsumerDriver`` does what it says and tells it what came of it.
struct ConsumerMembership: Equatable, Sendable {
    /// What is to be done now, beside heartbeats.
    enum Action: Equatable, Sendable {
        /// Nothing, until a heartbeat brings news.
        case settle
        /// Stop reading these, and let the application finish with them.
        case revoke(Set<Partition>)
        /// Stop reading these at once: others may do so already.
        case lose(Set<Partition>)
        /// Begin reading these.
        case adopt(Set<Partition>)
        /// Try again a little later.
        case pause(failures: Int)
        /// Wait until the application asks for records again.
        case sleep
        /// Tell the coordinator.
        case leave
        /// There is nothing left to do; the error is why, unless that was wanted.
        case end(ClientError?)
    }

    /// What happened.
    enum Event: Equatable, Sendable {
        /// A heartbeat was answered; what is to be read is nil where the answer does not say.
        case told(epoch: Int32, partitions: Set<Partition>?)
        /// A heartbeat has failed, in a way that concerns the member.
        case refused(ClientError)
        case revoked
        case lost
        case adopted
        /// Taking over has failed.
        case failed(ClientError)
        case paused
        /// The application has asked for no records for too long.
        case stalled
        case awake
        case left
        case leaveRequested
    }

    /// A heartbeat to send. A value.
    struct Heartbeat: Equatable, Sendable {
        let epoch: Int32
        /// What is being read; nil if the coordinator knows already.
        let owned: Set<Partition>?
    }

    /// Epochs with a meaning of their own.
    static let joiningEpoch: Int32 = 0
    static let leavingEpoch: Int32 = -1
    /// Of a static member that will be back.
    static let pausingEpoch: Int32 = -2

    private enum Phase: Equatable, Sendable {
        case settled
        case revoking(Set<Partition>, isLeaving: Bool)
        case adopting(Set<Partition>)
        case losing(next: Next)
        case pausing
        case leaving(next: Next)
        case sleeping
        case ended(ClientError?)
    }

    private indirect enum Next: Equatable, Sendable {
        case join
        case leave(then: Next)
        case sleep
        case end(ClientError?)
    }

    private(set) var epoch = joiningEpoch
    /// What is being read.
    private(set) var owned: Set<Partition> = []
    /// What is to be read; nil before the coordinator has said so.
    private var target: Set<Partition>?
    /// What the coordinator knows that is being read; nil if it is not sure what it knows.
    private var acknowledged: Set<Partition>? = []
    /// Whether the coordinator may have heard of this member.
    private var isKnown = false
    private var phase = Phase.settled
    private var failures = 0

    var action: Action {
        switch phase {
        case .settled: .settle
        case .revoking(let partitions, _): .revoke(partitions)
        case .adopting(let partitions): .adopt(partitions)
        case .losing: .lose(owned)
        case .pausing: .pause(failures: failures)
        case .leaving: .leave
        case .sleeping: .sleep
        case .ended(let error): .end(error)
        }
    }

    /// The heartbeat to send next; nil while none is to be sent.
    var heartbeat: Heartbeat? {
        switch phase {
        case .losing, .leaving, .sleeping, .ended: nil
        case .settled, .revoking, .adopting, .pausing:
            Heartbeat(epoch: epoch, owned: epoch == Self.joiningEpoch || isUrgent ? owned : nil)
        }
    }

    /// Whether a heartbeat is to be sent now rather than in its time: to join, or because the coordinator waits to hear that
    /// everything is as it said.
    var isUrgent: Bool {
        guard phase == .settled else { return false }
        return epoch == Self.joiningEpoch || (target == owned && acknowledged != owned)
    }

    // MARK: Events

    /// Takes note of what happened. Events that do not belong to the phase change nothing.
    mutating func handle(_ event: Event) {
        switch (event, phase) {
        case (_, .ended): return
        case (.told(let epoch, let partitions), .settled), (.told(let epoch, let partitions), .revoking),
            (.told(let epoch, let partitions), .adopting), (.told(let epoch, let partitions), .pausing):
            hear(epoch, partitions)
        case (.refused(let error), _): refuse(error)
        case (.revoked, .revoking(let partitions, let isLeaving)):
            owned.subtract(partitions)
            if isLeaving { phase = .leaving(next: .end(nil)) } else { reconcile() }
        case (.adopted, .adopting(let partitions)):
            owned.formUnion(partitions)
            failures = 0
            reconcile()
        case (.failed(let error), .adopting): failToAdopt(error)
        case (.paused, .pausing): reconcile()
        case (.lost, .losing(let next)):
            owned = []
            go(next)
        case (.stalled, .settled): phase = owned.isEmpty ? .leaving(next: .sleep) : .losing(next: .leave(then: .sleep))
        case (.awake, .sleeping): go(.join)
        case (.left, .leaving(let next)), (.failed, .leaving(let next)): go(next)
        case (.leaveRequested, _): requestLeave()
        default: return
        }
    }

    /// Takes note of a heartbeat that is on its way with what is being read.
    mutating func sent(_ heartbeat: Heartbeat) {
        isKnown = true
        if let owned = heartbeat.owned { acknowledged = owned }
    }

    /// Takes note that a heartbeat may not have arrived: what is being read is said again.
    mutating func unsent() { acknowledged = nil }

    private mutating func hear(_ epoch: Int32, _ partitions: Set<Partition>?) {
        self.epoch = epoch
        if let partitions { target = partitions }
        if phase == .settled { reconcile() }
    }

    /// Goes towards what is to be read: first it gives up, then it takes over.
    private mutating func reconcile() {
        guard let target else {
            phase = .settled
            return
        }
        let surplus = owned.subtracting(target)
        let added = target.subtracting(owned)
        if !surplus.isEmpty {
            phase = .revoking(surplus, isLeaving: false)
        } else {
            phase = added.isEmpty ? .settled : .adopting(added)
        }
    }

    private mutating func refuse(_ error: ClientError) {
        switch phase {
        case .leaving(let next): go(next)
        case .losing, .sleeping, .ended: return
        case .settled, .revoking, .adopting, .pausing:
            let isOut = error.code == .unknownMemberId || error.code == .fencedMemberEpoch
            let next = isOut ? Next.join : .end(error)
            if owned.isEmpty { go(next) } else { phase = .losing(next: next) }
        }
    }

    private mutating func failToAdopt(_ error: ClientError) {
        if error.isRetriable || error.code == .staleMemberEpoch {
            failures += 1
            phase = .pausing
        } else if error.kind == .cancelled {
            return
        } else {
            refuse(error)
        }
    }

    private mutating func go(_ next: Next) {
        switch next {
        case .join:
            // A place in the group that is lost is asked for anew, with nothing in hand.
            (epoch, target, acknowledged) = (Self.joiningEpoch, nil, [])
            phase = .settled
        case .leave(let then): phase = .leaving(next: then)
        case .sleep: phase = .sleeping
        case .end(let error): phase = .ended(error)
        }
    }

    private mutating func requestLeave() {
        switch phase {
        case .revoking, .settled, .adopting, .pausing:
            if !owned.isEmpty {
                phase = .revoking(owned, isLeaving: true)
            } else {
                phase = isKnown ? .leaving(next: .end(nil)) : .ended(nil)
            }
        case .losing: phase = .losing(next: .end(nil))
        case .leaving: phase = .leaving(next: .end(nil))
        case .sleeping: phase = .ended(nil)
        case .ended: return
        }
    }
}
