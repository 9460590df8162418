import Groups
import Model
import Testing

private func id(_ number: Int) -> TopicID { TopicID(high: 7, low: UInt64(number)) }

/// Members and topics by chance.
private func randomInput(
    _ random: inout SeededGenerator,
    isHomogeneous: Bool,
    held: [MemberID: PartitionSet] = [:],
    without absent: Set<MemberID> = []
) -> (AssignorInput, [AssignorMember], [TopicID: Int32]) {
    let topics = (0..<Int.random(in: 1...6, using: &random)).map { id($0) }
    let partitions = Dictionary(
        uniqueKeysWithValues: topics.map { ($0, Int32(Int.random(in: 0...12, using: &random))) }
    )
    let members = (0..<Int.random(in: 1...8, using: &random)).map { number in
        let isReader = { (_: TopicID) in isHomogeneous || Bool.random(using: &random) }
        let name = MemberID("m\(number)")
        return AssignorMember(id: name, topics: Set(topics.filter(isReader)), held: held[name] ?? PartitionSet())
    }
    return (AssignorInput(members: members, partitions: partitions, topicOrder: topics), members, partitions)
}

/// Checks that every partition that somebody reads has one owner, who reads it.
private func checkCompleteness(
    _ targets: [MemberID: PartitionSet],
    _ members: [AssignorMember],
    _ partitions: [TopicID: Int32],
    _ seed: UInt64
) {
    var owners: [PartitionID: MemberID] = [:]
    for (member, target) in targets {
        let topics = members.first { $0.id == member }?.topics ?? []
        for partition in target.all {
            #expect(owners[partition] == nil, "\(partition) has two owners, seed \(seed)")
            #expect(topics.contains(partition.topic), "\(member) does not read \(partition), seed \(seed)")
            #expect(partition.index < partitions[partition.topic] ?? 0, "there is no \(partition), seed \(seed)")
            owners[partition] = member
        }
    }
    for (topic, count) in partitions where members.contains(where: { $0.topics.contains(topic) }) {
        for index in 0..<count {
            #expect(owners[PartitionID(topic, index)] != nil, "nobody has \(topic)-\(index), seed \(seed)")
        }
    }
}

@Test(arguments: ConsumerAssignor.allCases, [true, false])
func assignmentsAreComplete(_ assignor: ConsumerAssignor, isHomogeneous: Bool) {
    for seed in 0..<UInt64(300) {
        var random = SeededGenerator(seed: seed)
        let (input, members, partitions) = randomInput(&random, isHomogeneous: isHomogeneous)
        checkCompleteness(assignor.assign(input), members, partitions, seed)
    }
}

@Test func uniformAssignmentsOfTheSameTopicsDifferByOneAtMost() {
    for seed in 0..<UInt64(300) {
        var random = SeededGenerator(seed: seed)
        let (input, members, _) = randomInput(&random, isHomogeneous: true)
        let targets = ConsumerAssignor.uniform.assign(input)
        let counts = members.map { targets[$0.id]?.count ?? 0 }
        #expect((counts.max() ?? 0) - (counts.min() ?? 0) <= 1, "seed \(seed): \(counts)")
    }
}

@Test func noPartitionOfAUniformAssignmentWouldBeBetterElsewhere() {
    for seed in 0..<UInt64(300) {
        var random = SeededGenerator(seed: seed)
        let (input, members, _) = randomInput(&random, isHomogeneous: false)
        let targets = ConsumerAssignor.uniform.assign(input)
        for member in members {
            for partition in (targets[member.id] ?? PartitionSet()).all {
                for other in members where other.topics.contains(partition.topic) {
                    let counts = (targets[member.id]?.count ?? 0, targets[other.id]?.count ?? 0)
                    #expect(counts.0 <= counts.1 + 1, "seed \(seed): \(partition) of \(member.id) to \(other.id)")
                }
            }
        }
    }
}

@Test(arguments: [true, false])
func uniformAssignmentsStayAsTheyAreIfNothingChanges(isHomogeneous: Bool) {
    for seed in 0..<UInt64(300) {
        var random = SeededGenerator(seed: seed)
        let (input, members, partitions) = randomInput(&random, isHomogeneous: isHomogeneous)
        let targets = ConsumerAssignor.uniform.assign(input)
        let again = AssignorInput(
            members: members.map {
                AssignorMember(id: $0.id, topics: $0.topics, held: targets[$0.id] ?? PartitionSet())
            },
            partitions: partitions,
            topicOrder: partitions.keys.sorted { $0.low < $1.low }
        )
        #expect(ConsumerAssignor.uniform.assign(again) == targets, "seed \(seed)")
    }
}

@Test func aLeavingMemberMovesNothingOfTheOthers() {
    for seed in 0..<UInt64(300) {
        var random = SeededGenerator(seed: seed)
        let (input, members, partitions) = randomInput(&random, isHomogeneous: true)
        let targets = ConsumerAssignor.uniform.assign(input)
        let rest = members.dropFirst().map {
            AssignorMember(id: $0.id, topics: $0.topics, held: targets[$0.id] ?? PartitionSet())
        }
        let order = partitions.keys.sorted { $0.low < $1.low }
        let after = ConsumerAssignor.uniform.assign(
            AssignorInput(members: rest, partitions: partitions, topicOrder: order)
        )
        for member in rest {
            for partition in member.held.all {
                #expect(after[member.id]?.contains(partition) == true, "seed \(seed): \(member.id) lost \(partition)")
            }
        }
    }
}

@Test func aJoiningMemberTakesNoMoreThanItsShare() {
    for seed in 0..<UInt64(300) {
        var random = SeededGenerator(seed: seed)
        let (input, members, partitions) = randomInput(&random, isHomogeneous: true)
        let targets = ConsumerAssignor.uniform.assign(input)
        var all = members.map {
            AssignorMember(id: $0.id, topics: $0.topics, held: targets[$0.id] ?? PartitionSet())
        }
        all.append(AssignorMember(id: MemberID("new"), topics: Set(partitions.keys)))
        let order = partitions.keys.sorted { $0.low < $1.low }
        let after = ConsumerAssignor.uniform.assign(
            AssignorInput(members: all, partitions: partitions, topicOrder: order)
        )
        let moved = members.reduce(0) { sum, member in
            let kept = (targets[member.id] ?? PartitionSet()).all.filter { after[member.id]?.contains($0) == true }
                .count
            return sum + (targets[member.id]?.count ?? 0) - kept
        }
        #expect(moved == after[MemberID("new")]?.count ?? 0, "seed \(seed)")
    }
}

@Test func rangesOfAlikeTopicsAreAlike() {
    let members = ["b", "a", "c"].map { AssignorMember(id: MemberID($0), topics: [id(0), id(1)]) }
    let input = AssignorInput(members: members, partitions: [id(0): 7, id(1): 7], topicOrder: [id(0), id(1)])
    let targets = ConsumerAssignor.range.assign(input)
    #expect(targets[MemberID("a")]?.topics == [id(0): [0, 1, 2], id(1): [0, 1, 2]])
    #expect(targets[MemberID("b")]?.topics == [id(0): [3, 4], id(1): [3, 4]])
    #expect(targets[MemberID("c")]?.topics == [id(0): [5, 6], id(1): [5, 6]])
}

@Test func aRangeFollowsTheInstanceAndNotTheMembersID() {
    let topics: Set<TopicID> = [id(0)]
    func input(_ first: String) -> AssignorInput {
        AssignorInput(
            members: [
                AssignorMember(id: MemberID(first), instanceID: InstanceID("i1"), topics: topics),
                AssignorMember(id: MemberID("m"), instanceID: InstanceID("i2"), topics: topics),
            ],
            partitions: [id(0): 4],
            topicOrder: [id(0)]
        )
    }
    #expect(ConsumerAssignor.range.assign(input("a"))[MemberID("a")]?.topics == [id(0): [0, 1]])
    #expect(ConsumerAssignor.range.assign(input("z"))[MemberID("z")]?.topics == [id(0): [0, 1]])
}

@Test func anAssignmentWithoutMembersOrTopicsIsEmpty() {
    for assignor in ConsumerAssignor.allCases {
        #expect(assignor.assign(AssignorInput(members: [], partitions: [id(0): 3], topicOrder: [id(0)])).isEmpty)
        let idle = AssignorMember(id: MemberID("a"), topics: [])
        #expect(assignor.assign(AssignorInput(members: [idle], partitions: [:], topicOrder: [])).isEmpty)
    }
}
