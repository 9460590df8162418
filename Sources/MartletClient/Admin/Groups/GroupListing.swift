/// A group as ``Admin/listGroups(states:types:)`` finds it. Immutable.
public struct GroupListing: Equatable, Sendable {
    /// The group's id.
    public let id: String
    /// By which protocol its members are coordinated; nil if the broker is too old to say (before Kafka 3.7).
    public let type: GroupType?
    /// What it is doing; nil if the broker is too old to say (before Kafka 2.6, KIP-518).
    public let state: GroupState?
    /// What its members call their protocol, `consumer` for consumers; empty for a group that never had any.
    public let protocolType: String
    /// The broker that coordinates it.
    public let coordinator: Int32
}

/// By which protocol a group's members are coordinated. A value.
public enum GroupType: Hashable, Sendable {
    /// JoinGroup and SyncGroup: the members decide who reads what.
    case classic
    /// The newer protocol (KIP-848): the broker decides.
    case consumer
    /// A sort of group that this client does not know, by the broker's name for it.
    case other(String)

    /// Reads Kafka's name, in any case of letters.
    public init(name: String) {
        switch name.lowercased() {
        case "classic": self = .classic
        case "consumer": self = .consumer
        default: self = .other(name)
        }
    }

    /// Kafka's name.
    public var name: String {
        switch self {
        case .classic: "classic"
        case .consumer: "consumer"
        case .other(let name): name
        }
    }
}

/// What a group is doing. A value.
public enum GroupState: Hashable, Sendable {
    /// It has no members, only offsets.
    case empty
    /// Its members are joining anew.
    case preparingRebalance
    /// Its members wait for what they are assigned.
    case completingRebalance
    /// The broker is deciding who reads what (KIP-848).
    case assigning
    /// Members are giving up and taking over partitions (KIP-848).
    case reconciling
    /// Everyone knows what to read.
    case stable
    /// It does not exist.
    case dead
    /// A state that this client does not know, by the broker's name for it.
    case other(String)

    /// The states that Kafka's consumer groups have.
    public static let known: [GroupState] = [
        .empty, .preparingRebalance, .completingRebalance, .assigning, .reconciling, .stable, .dead,
    ]

    /// Reads Kafka's name, in any case of letters.
    public init(name: String) {
        self = Self.known.first { $0.name.lowercased() == name.lowercased() } ?? .other(name)
    }

    /// Kafka's name.
    public var name: String {
        switch self {
        case .empty: "Empty"
        case .preparingRebalance: "PreparingRebalance"
        case .completingRebalance: "CompletingRebalance"
        case .assigning: "Assigning"
        case .reconciling: "Reconciling"
        case .stable: "Stable"
        case .dead: "Dead"
        case .other(let name): name
        }
    }
}
