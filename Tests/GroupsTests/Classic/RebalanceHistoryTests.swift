import Model
import Testing

@testable import Groups

/// What a group remembers of its rebalances.
struct RebalanceHistoryTests {
    private var history = RebalanceHistory(members: 0)
    private var now: Int64 = 0
    private var notes: [GroupNote] = []
    private var timers: [Duration] = []

    /// The bytes that tell a consumer what it holds.
    private static func assignment(_ topic: String, _ partitions: [Int32]) -> [UInt8] {
        func bytes(_ value: some FixedWidthInteger) -> [UInt8] { withUnsafeBytes(of: value.bigEndian, Array.init) }
        let name = bytes(Int16(topic.utf8.count)) + Array(topic.utf8)
        return bytes(Int16(1)) + bytes(Int32(1)) + name + bytes(Int32(partitions.count)) + partitions.flatMap(bytes)
            + bytes(Int32(-1))
    }

    private static func holder(_ name: String, _ partitions: [Int32]) -> PartitionHolder {
        PartitionHolder(name: name, assignment: assignment("t", partitions))
    }

    private mutating func step(_ body: (inout RebalanceHistory, inout GroupStep) -> Void) {
        let instant = Instant(nanoseconds: now * 1_000_000)
        var step = GroupStep(now: EventTime(timestamp: Timestamp(milliseconds: now), instant: instant))
        body(&history, &step)
        for effect in step.effects {
            switch effect {
            case .note(let note): notes.append(note)
            case .setTimer(.calm, let delay): timers.append(delay)
            default: Issue.record("\(effect)")
            }
        }
    }

    private mutating func rebalance(_ member: String = "a") {
        step { history, step in
            history.begin(RebalanceReason(MemberID(member), .joined), [], &step)
            history.complete(Generation(1), [], &step)
        }
    }

    private var storms: [GroupNote] {
        notes.filter {
            switch $0 {
            case .stormBegan, .stormEnded: true
            case .rebalanceBegan, .rebalanceCompleted: false
            }
        }
    }

    // MARK: What is moved

    @Test(
        arguments: [
            // A version below zero; more topics than there are bytes; more partitions; a negative partition.
            [0xFF, 0xFF, 0, 0, 0, 0], [0, 0, 0x7F, 0xFF, 0xFF, 0xFF],
            [0, 0, 0, 0, 0, 1, 0, 1, 116, 0x7F, 0xFF, 0xFF, 0xFF],
            [0, 0, 0, 0, 0, 1, 0, 1, 116, 0, 0, 0, 1, 0xFF, 0xFF, 0xFF, 0xFF], [0],
        ] as [[UInt8]]
    )
    func whatIsNotAnAssignmentIsNotCounted(bytes: [UInt8]) {
        #expect(ConsumerAssignment(bytes) == nil)
        let strange = PartitionHolder(name: "a", assignment: bytes)
        #expect(PartitionHolder.moves(from: [strange], to: []) == nil)
        #expect(PartitionHolder.moves(from: [], to: [strange]) == nil)
    }

    @Test func whatIsTooLargeToBeComparedIsNotCounted() {
        let partitions = (0..<Int32(GroupLimits.comparedAssignmentBytes / 4)).map { $0 }
        #expect(PartitionHolder.moves(from: [], to: [Self.holder("a", partitions)]) == nil)
        #expect(PartitionHolder.moves(from: [], to: [PartitionHolder(name: "a", assignment: nil)]) == nil)
    }

    @Test func partitionsThatGetAnotherHolderHaveMoved() {
        let before = [Self.holder("a", [0, 1, 2]), Self.holder("b", [3])]
        #expect(PartitionHolder.moves(from: before, to: before) == 0)
        #expect(PartitionHolder.moves(from: before, to: [Self.holder("a", [0, 1]), Self.holder("b", [2, 3])]) == 1)
        #expect(PartitionHolder.moves(from: before, to: [Self.holder("c", [0, 1, 2, 3, 4])]) == 5)
        #expect(PartitionHolder.moves(from: [], to: before) == 4)
        #expect(PartitionHolder.moves(from: before, to: [PartitionHolder(name: "a", assignment: [])]) == 0)
    }

    // MARK: What is remembered

    @Test mutating func aRebalanceLastsFromItsFirstReasonToTheAssignments() {
        let client = ClientIdentity(id: "app", host: "/10.0.0.1")
        step { history, step in
            history.begin(RebalanceReason(MemberID("a"), .left, client: client), [Self.holder("a", [0])], &step)
        }
        now = 40
        step { $0.begin(RebalanceReason(MemberID("b"), .joined), [], &$1) }
        #expect(history.underWay?.reason.member == MemberID("a"))
        now = 100
        step { $0.complete(Generation(7), [Self.holder("b", [0])], &$1) }
        #expect(history.underWay == nil)
        let only = history.completed.first
        #expect(history.completed.count == 1)
        #expect(only?.reason.cause == .left)
        #expect(only?.reason.client == client)
        #expect(only?.generation == Generation(7))
        #expect(only?.duration == .milliseconds(100))
        #expect(only?.membersAfter == 1)
        #expect(only?.partitionsMoved == 1)
    }

    @Test mutating func onlyTheNewestAreRemembered() {
        for number in 0..<GroupLimits.history + 5 {
            now += 100_000
            rebalance("m\(number)")
        }
        #expect(history.completed.count == GroupLimits.history)
        #expect(history.completed.first?.reason.member == MemberID("m5"))
        #expect(storms.isEmpty)
    }

    // MARK: Storms

    @Test mutating func manyRebalancesWithinAShortTimeAreAStormThatIsToldOfOnce() {
        for _ in 1..<GroupLimits.stormRebalances {
            now += 1_000
            rebalance()
        }
        #expect(storms.isEmpty && !history.isStorm)
        now += 1_000
        rebalance("b")
        let reason = RebalanceReason(MemberID("b"), .joined)
        let count = GroupLimits.stormRebalances
        #expect(storms == [.stormBegan(count: count, within: GroupLimits.stormWindow, reason)])
        for _ in 0..<50 {
            now += 1_000
            rebalance()
        }
        #expect(storms.count == 1 && history.isStorm)
        #expect(timers.count == 51, "each of them puts off the calm")
        step { $0.calmed(&$1) }
        #expect(storms.last == .stormEnded && !history.isStorm)
    }

    @Test mutating func rebalancesThatAreFarApartAreNoStorm() {
        for _ in 0..<100 {
            now += 60_000 / Int64(GroupLimits.stormRebalances - 1) + 1
            rebalance()
        }
        #expect(storms.isEmpty && timers.isEmpty)
    }
}
