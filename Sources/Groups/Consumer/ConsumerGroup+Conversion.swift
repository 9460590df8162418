import Model

/// From one protocol to the other, while the group has members.
extension ConsumerGroup {
    /// Takes in the members of a classic group as they are, with what they hold. False if they are not consumers.
    mutating func adopt(_ classic: ClassicGroup, _ topics: some ConsumerTopics) -> Bool {
        guard classic.protocolType == ClassicGroup.consumerProtocol else { return false }
        let epoch = MemberEpoch(max(classic.generation.rawValue, 1))
        state.epoch = epoch
        state.assignmentEpoch = epoch
        for member in classic.members.inOrder {
            guard let name = classic.protocolName ?? member.protocols.first?.name,
                let subscription = ClassicSubscription(member.metadata(for: name)), !member.protocols.isEmpty
            else { return false }
            var said = ConsumerMemberSubscription()
            said.instanceID = member.instanceID
            said.rackID = subscription.rackID
            said.client = member.client
            said.topics = Set(subscription.topics).sorted()
            said.rebalanceTimeoutMilliseconds = member.rebalanceTimeoutMilliseconds
            var traits = ConsumerMemberSubscription.ClassicTraits()
            traits.sessionTimeoutMilliseconds = member.sessionTimeoutMilliseconds
            traits.protocols = member.protocols
            said.classic = traits
            state.subscribe(member.id, said)
            var current = CurrentAssignment()
            current.epoch = epoch
            current.previousEpoch = epoch
            for partition in ConsumerAssignment(member.assignment)?.partitions ?? [] {
                guard let topic = topics.topic(named: partition.topic) else { continue }
                let partition = PartitionID(topic.id, partition.partition)
                // What two members were assigned, which leaders should not do, is the first one's.
                if state.owners[partition] == nil { current.assigned[partition] = epoch }
            }
            state.aim(current.assigned.partitions, at: member.id)
            state.assign(current, to: member.id)
        }
        state.beginChanges()
        if history.underWay != nil { ownersBefore = state.owners }
        return true
    }

    /// The group as one of the classic protocol; nil as long as it has a member of the consumer protocol, or none at all,
    /// or something of it is still on its way into the log.
    func classicValue(_ topics: some ConsumerTopics, _ now: Timestamp) -> ClassicGroupValue? {
        guard isDecided, !state.members.isEmpty, state.members.values.allSatisfy(\.isClassic) else { return nil }
        var value = ClassicGroupValue()
        value.protocolType = ClassicGroup.consumerProtocol
        value.generation = Generation(state.epoch.rawValue)
        value.stateTimestamp = now
        let offers = state.inOrder.map { Set($0.subscription.classic?.protocols.map(\.name) ?? []) }
        let preferred = state.inOrder.first?.subscription.classic?.protocols.map(\.name) ?? []
        guard let name = preferred.first(where: { name in offers.allSatisfy { $0.contains(name) } }) else { return nil }
        value.protocolName = name
        value.leader = state.inOrder.first?.id
        value.members = state.inOrder.map { member in
            var written = ClassicGroupValue.Member()
            written.id = member.id
            written.instanceID = member.subscription.instanceID
            written.client = member.subscription.client
            written.rebalanceTimeoutMilliseconds = member.subscription.rebalanceTimeoutMilliseconds
            written.sessionTimeoutMilliseconds = member.subscription.classic?.sessionTimeoutMilliseconds ?? 0
            written.subscription = member.subscription.classic?.protocols.first { $0.name == name }?.metadata ?? []
            written.assignment = ClassicAssignment.bytes(of: state.targets[member.id] ?? PartitionSet(), topics)
            return written
        }
        return value
    }
}

/// What a consumer says of itself when it joins by the classic protocol: the version, topics, bytes of its assignor's, and,
/// depending on the version, the partitions it holds (1), as of which generation (2), and its rack (3). Immutable.
struct ClassicSubscription: Equatable {
    let topics: [String]
    let owned: [TopicPartition]
    let rackID: String?

    /// Nil if the bytes are not that.
    init?(_ bytes: [UInt8]) {
        var input = ConsumerProtocolInput(bytes)
        guard let version = input.number(bytes: 2), version < 0x8000, let topics = input.strings(), input.skipBytes()
        else { return nil }
        self.topics = topics
        var owned: [TopicPartition] = []
        if version >= 1 {
            guard let held = input.partitions() else { return nil }
            owned = held
        }
        self.owned = owned
        if version >= 2, input.number(bytes: 4) == nil { return nil }
        rackID = version >= 3 ? input.string() : nil
    }
}

/// What a consumer is told that it holds by the classic protocol, see ``ConsumerAssignment``.
enum ClassicAssignment {
    private static let version: UInt16 = 0

    static func bytes(of partitions: PartitionSet, _ topics: some ConsumerTopics) -> [UInt8] {
        var output: [UInt8] = []
        func write(_ number: some FixedWidthInteger) { withUnsafeBytes(of: number.bigEndian) { output += $0 } }
        let named = partitions.topics.compactMap { id, indexes in topics.topic(id).map { ($0.name, indexes.sorted()) } }
        write(version)
        write(UInt32(clamping: named.count))
        for (name, indexes) in named.sorted(by: { $0.0 < $1.0 }) {
            write(UInt16(clamping: name.utf8.count))
            output += name.utf8
            write(UInt32(clamping: indexes.count))
            for index in indexes { write(index) }
        }
        // No bytes of the assignor's.
        write(Int32(-1))
        return output
    }
}
