import Model
import Testing

@testable import MartletClient

/// Scripts: what the coordinator tells a member, and what it then wants to do.
@Suite struct ConsumerMembershipTests {
    private typealias Heartbeat = ConsumerMembership.Heartbeat

    private static func partitions(_ indexes: Int32...) -> Set<Partition> {
        Set(indexes.map { Partition(topic: "t", index: $0) })
    }

    private static func error(_ code: ErrorCode) -> ClientError { ClientError(code: code, context: "test") }

    /// A member in epoch 1 that reads these partitions, and has said so.
    private func settled(_ owned: Set<Partition>) throws -> ConsumerMembership {
        var member = ConsumerMembership()
        member.sent(try #require(member.heartbeat))
        member.handle(.told(epoch: 1, partitions: owned))
        if !owned.isEmpty {
            #expect(member.action == .adopt(owned))
            member.handle(.adopted)
            member.sent(try #require(member.heartbeat))
        }
        #expect(member.action == .settle)
        #expect(!member.isUrgent)
        return member
    }

    @Test func aNewMemberAsksForAPlaceAtOnce() throws {
        var member = ConsumerMembership()
        #expect(member.action == .settle)
        #expect(member.isUrgent)
        #expect(member.heartbeat == Heartbeat(epoch: 0, owned: []))
        member.sent(try #require(member.heartbeat))
        member.handle(.told(epoch: 3, partitions: nil))
        #expect(member.action == .settle)
        #expect(!member.isUrgent)
        #expect(member.heartbeat == Heartbeat(epoch: 3, owned: nil))
    }

    @Test func whatWasTakenOverIsSaidAtOnceAndOnlyOnce() throws {
        var member = try settled([])
        member.handle(.told(epoch: 2, partitions: Self.partitions(0, 1)))
        #expect(member.action == .adopt(Self.partitions(0, 1)))
        #expect(member.heartbeat == Heartbeat(epoch: 2, owned: nil))
        member.handle(.adopted)
        #expect(member.isUrgent)
        let heartbeat = try #require(member.heartbeat)
        #expect(heartbeat == Heartbeat(epoch: 2, owned: Self.partitions(0, 1)))
        member.sent(heartbeat)
        #expect(!member.isUrgent)
        #expect(member.heartbeat == Heartbeat(epoch: 2, owned: nil))
    }

    @Test func whatMayNotHaveArrivedIsSaidAgain() throws {
        var member = try settled(Self.partitions(0))
        member.handle(.told(epoch: 2, partitions: []))
        member.handle(.revoked)
        member.sent(try #require(member.heartbeat))
        member.unsent()
        #expect(member.isUrgent)
        #expect(member.heartbeat == Heartbeat(epoch: 2, owned: []))
    }

    @Test func itGivesUpBeforeItTakesOver() throws {
        var member = try settled(Self.partitions(0, 1))
        member.handle(.told(epoch: 2, partitions: Self.partitions(1, 2)))
        #expect(member.action == .revoke(Self.partitions(0)))
        member.handle(.revoked)
        #expect(member.action == .adopt(Self.partitions(2)))
        member.handle(.adopted)
        #expect(member.owned == Self.partitions(1, 2))
    }

    @Test func newOrdersWhileItGivesUpComeAfterThat() throws {
        var member = try settled(Self.partitions(0, 1))
        member.handle(.told(epoch: 2, partitions: Self.partitions(1)))
        member.handle(.told(epoch: 3, partitions: Self.partitions(1, 2)))
        #expect(member.action == .revoke(Self.partitions(0)))
        member.handle(.revoked)
        #expect(member.action == .adopt(Self.partitions(2)))
        #expect(member.epoch == 3)
    }

    @Test(arguments: [ErrorCode.unknownMemberId, .fencedMemberEpoch])
    func whoIsNotKnownAnyMoreLosesEverythingAndJoins(code: ErrorCode) throws {
        var member = try settled(Self.partitions(0))
        member.handle(.refused(Self.error(code)))
        #expect(member.action == .lose(Self.partitions(0)))
        #expect(member.heartbeat == nil)
        member.handle(.lost)
        #expect(member.action == .settle)
        #expect(member.heartbeat == Heartbeat(epoch: 0, owned: []))
    }

    @Test(arguments: [
        ErrorCode.groupAuthorizationFailed, .unreleasedInstanceId, .fencedInstanceId, .unsupportedAssignor,
        .invalidRegularExpression, .groupMaxSizeReached,
    ])
    func whatDoesNotPassEndsIt(code: ErrorCode) throws {
        var member = try settled(Self.partitions(0))
        member.handle(.refused(Self.error(code)))
        member.handle(.lost)
        #expect(member.action == .end(Self.error(code)))
        var new = ConsumerMembership()
        new.handle(.refused(Self.error(code)))
        #expect(new.action == .end(Self.error(code)))
    }

    @Test func takingOverIsTriedAgain() throws {
        var member = try settled([])
        member.handle(.told(epoch: 2, partitions: Self.partitions(0)))
        member.handle(.failed(Self.error(.unknownTopicOrPartition)))
        #expect(member.action == .pause(failures: 1))
        member.handle(.paused)
        #expect(member.action == .adopt(Self.partitions(0)))
    }

    @Test func leavingGivesUpFirst() throws {
        var member = try settled(Self.partitions(0))
        member.handle(.leaveRequested)
        #expect(member.action == .revoke(Self.partitions(0)))
        member.handle(.revoked)
        #expect(member.action == .leave)
        member.handle(.failed(ClientError(.connection, "gone", isRetriable: true)))
        #expect(member.action == .end(nil))
    }

    @Test func whoWasNeverHeardOfSimplyEnds() {
        var member = ConsumerMembership()
        member.handle(.leaveRequested)
        #expect(member.action == .end(nil))
    }

    @Test func whoMayHaveBeenHeardOfSaysGoodbye() throws {
        var member = ConsumerMembership()
        member.sent(try #require(member.heartbeat))
        member.handle(.leaveRequested)
        #expect(member.action == .leave)
    }

    @Test func anApplicationThatDoesNotReadLeavesUntilItReadsAgain() throws {
        var member = try settled(Self.partitions(0))
        member.handle(.stalled)
        #expect(member.action == .lose(Self.partitions(0)))
        member.handle(.lost)
        #expect(member.action == .leave)
        member.handle(.left)
        #expect(member.action == .sleep)
        #expect(member.heartbeat == nil)
        member.handle(.awake)
        #expect(member.heartbeat == Heartbeat(epoch: 0, owned: []))
    }
}
