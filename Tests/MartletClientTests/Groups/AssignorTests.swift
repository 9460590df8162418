import Model
import Testing

@testable import MartletClient

@Suite struct AssignorTests {
    private func member(_ id: String, _ topics: Set<String> = ["t"], instance: String? = nil) -> GroupMember {
        GroupMember(id: id, instanceID: instance, topics: topics)
    }

    private func text(_ assignment: [String: [Partition]]) -> [String: String] {
        assignment.mapValues { $0.sorted().map { "\($0.topic)\($0.index)" }.joined(separator: " ") }
    }

    // MARK: Range and round robin, as Kafka's documentation has them

    @Test func rangeGivesConsecutivePartitionsOfEachTopic() {
        let assignment = Assignor.range.assign(
            [member("b", ["t", "u"]), member("a", ["t", "u"])],
            ["t": 3, "u": 3]
        )
        #expect(text(assignment) == ["a": "t0 t1 u0 u1", "b": "t2 u2"])
    }

    @Test func rangeLeavesOutWhoHasNotSubscribed() {
        let assignment = Assignor.range.assign([member("a", ["t"]), member("b", ["u"])], ["t": 2, "u": 1, "v": 9])
        #expect(text(assignment) == ["a": "t0 t1", "b": "u0"])
    }

    @Test func roundRobinGoesOnAcrossTopics() {
        let assignment = Assignor.roundRobin.assign(
            [member("a", ["t", "u"]), member("b", ["t", "u"])],
            ["t": 3, "u": 3]
        )
        #expect(text(assignment) == ["a": "t0 t2 u1", "b": "t1 u0 u2"])
    }

    @Test func roundRobinSkipsWhoHasNotSubscribed() {
        let members = [member("c0", ["t0"]), member("c1", ["t0", "t1"]), member("c2", ["t0", "t1", "t2"])]
        let assignment = Assignor.roundRobin.assign(members, ["t0": 1, "t1": 2, "t2": 3])
        #expect(text(assignment) == ["c0": "t00", "c1": "t10", "c2": "t11 t20 t21 t22"])
    }

    @Test func staticMembersComeFirstInTheOrderOfTheirInstances() {
        let members = [member("a"), member("z", instance: "1"), member("y", instance: "2")]
        #expect(text(Assignor.range.assign(members, ["t": 3])) == ["z": "t0", "y": "t1", "a": "t2"])
    }

    @Test(arguments: Assignor.allCases)
    func moreMembersThanPartitionsIsNoMistake(assignor: Assignor) {
        let assignment = assignor.assign([member("a"), member("b"), member("c", [])], ["t": 1])
        #expect(assignment.count == 3)
        #expect(assignment.values.flatMap { $0 } == [Partition(topic: "t", index: 0)])
    }

    @Test(arguments: Assignor.allCases)
    func topicsThatDoNotExistAreLeftOut(assignor: Assignor) {
        #expect(assignor.assign([member("a", ["gone"])], [:]) == ["a": []])
    }

    // MARK: Sticky

    /// Rebalances until nothing moves any more, as cooperative members do.
    private func converge(_ members: [GroupMember], _ counts: [String: Int32]) -> (rounds: Int, members: [GroupMember])
    {
        var members = members
        for round in 1...10 {
            let assignment = Assignor.cooperativeSticky.assign(members, counts)
            var hasRevoked = false
            for index in members.indices {
                let share = Set(assignment[members[index].id] ?? [])
                hasRevoked = hasRevoked || !share.isSuperset(of: members[index].owned)
                members[index].owned = share.sorted()
                members[index].generation = Int32(round)
            }
            if !hasRevoked { return (round, members) }
        }
        return (10, members)
    }

    @Test func aNewMemberGetsItsShareOnlyOnceOthersHaveGivenItUp() {
        var first = member("a")
        first.owned = (0..<4).map { Partition(topic: "t", index: $0) }
        first.generation = 1
        let assignment = Assignor.cooperativeSticky.assign([first, member("b")], ["t": 4])
        #expect(text(assignment) == ["a": "t0 t1", "b": ""])
        let (rounds, members) = converge([first, member("b")], ["t": 4])
        #expect(rounds == 2)
        #expect(members.map(\.owned.count) == [2, 2])
    }

    @Test func whatADeadMemberHadGoesToTheOthersAtOnceAndNothingElseMoves() {
        var (a, b) = (member("a"), member("b"))
        a.owned = [Partition(topic: "t", index: 0), Partition(topic: "t", index: 3)]
        b.owned = [Partition(topic: "t", index: 1)]
        let assignment = Assignor.cooperativeSticky.assign([a, b], ["t": 5])
        #expect(text(assignment) == ["a": "t0 t3 t4", "b": "t1 t2"])
    }

    @Test func theNewerOfTwoClaimsCounts() {
        var (a, b) = (member("a"), member("b"))
        (a.owned, a.generation) = ([Partition(topic: "t", index: 0)], 5)
        (b.owned, b.generation) = ([Partition(topic: "t", index: 0)], 6)
        #expect(text(Assignor.cooperativeSticky.assign([a, b], ["t": 1])) == ["a": "", "b": "t0"])
    }

    @Test func claimsToWhatIsNotThereAreIgnored() {
        var a = member("a")
        a.owned = [
            Partition(topic: "t", index: 7), Partition(topic: "t", index: -1), Partition(topic: "other", index: 0),
        ]
        #expect(text(Assignor.cooperativeSticky.assign([a], ["t": 1, "other": 1])) == ["a": "t0"])
    }

    @Test(arguments: 0..<200 as Range<UInt64>)
    func sharesAreCompleteEvenAndNeverDouble(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let topics = (0..<Int.random(in: 1...4, using: &generator)).map { "t\($0)" }
        let counts = Dictionary(
            uniqueKeysWithValues: topics.map { ($0, Int32.random(in: 0...12, using: &generator)) }
        )
        var members = (0..<Int.random(in: 1...6, using: &generator)).map { number in
            member("m\(number)", Set(topics.filter { _ in Int.random(in: 0..<4, using: &generator) > 0 }))
        }
        for _ in 0..<6 {
            let (rounds, settled) = converge(members, counts)
            #expect(rounds < 10, "seed \(seed): it does not come to rest")
            check(settled, counts, seed)
            // Someone dies, or someone comes.
            members = settled
            if members.count > 1, Bool.random(using: &generator) {
                members.remove(at: Int.random(in: members.indices, using: &generator))
            } else {
                members.append(member("n\(UInt32.random(in: 0...(.max), using: &generator))", Set(topics)))
            }
        }
    }

    private func check(_ members: [GroupMember], _ counts: [String: Int32], _ seed: UInt64) {
        let given = members.flatMap(\.owned)
        #expect(Set(given).count == given.count, "seed \(seed): a partition has two owners")
        let readable = counts.filter { topic, _ in members.contains { $0.topics.contains(topic) } }
        #expect(given.count == Int(readable.values.reduce(0, +)), "seed \(seed): a partition has no owner")
        for one in members {
            #expect(one.owned.allSatisfy { one.topics.contains($0.topic) }, "seed \(seed)")
            for partition in one.owned {
                let least = members.filter { $0.topics.contains(partition.topic) }.map(\.owned.count).min() ?? 0
                #expect(one.owned.count - least <= 1, "seed \(seed): \(one.id) has too much")
            }
        }
    }
}
