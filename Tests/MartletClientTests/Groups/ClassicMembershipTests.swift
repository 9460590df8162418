import Model
import Testing

@testable import MartletClient

/// Scripts: what happens to a member, and what it then wants to do.
@Suite struct ClassicMembershipTests {
    private typealias Membership = ClassicMembership
    private typealias Identity = ClassicMembership.Identity

    private static func partitions(_ indexes: Int32...) -> Set<Partition> {
        Set(indexes.map { Partition(topic: "t", index: $0) })
    }

    private static func generation(_ number: Int32, _ member: String = "m") -> ClassicMembership.Generation {
        ClassicMembership.Generation(identity: Identity(memberID: member, generation: number), assignor: "range")
    }

    private static func error(_ code: ErrorCode) -> ClientError { ClientError(code: code, context: "test") }

    private static let lostConnection = ClientError(.connection, "gone", isRetriable: true)

    /// A member that reads these partitions in generation 1.
    private func settled(
        _ owned: Set<Partition>,
        isCooperative: Bool = false,
        isStatic: Bool = false
    ) -> ClassicMembership {
        var member = ClassicMembership(isCooperative: isCooperative, isStatic: isStatic)
        for event in [
            .memberIDGiven("m"), .joined(Self.generation(1)), .synced(owned), .adopted,
        ] as [ClassicMembership.Event] {
            member.handle(event)
        }
        #expect(member.action == .settle)
        return member
    }

    /// Feeds events, and compares the action after each.
    private func play(
        _ member: inout ClassicMembership,
        _ script: [(event: ClassicMembership.Event, action: ClassicMembership.Action)],
        _ location: SourceLocation = #_sourceLocation
    ) {
        for (event, action) in script {
            member.handle(event)
            #expect(member.action == action, "after \(event)", sourceLocation: location)
        }
    }

    // MARK: Joining

    @Test func aFirstMemberJoinsTwiceAndReads() {
        var member = ClassicMembership(isCooperative: false, isStatic: false)
        #expect(member.action == .join(Identity(), owned: []))
        #expect(!member.isInGroup)
        play(
            &member,
            [
                (.memberIDGiven("m"), .join(Identity(memberID: "m"), owned: [])),
                (.joined(Self.generation(1)), .sync(Self.generation(1))),
                (.synced(Self.partitions(0, 1)), .adopt(Self.partitions(0, 1))),
                (.adopted, .settle),
            ]
        )
        #expect(member.isInGroup)
        #expect(member.owned == Self.partitions(0, 1))
    }

    @Test(arguments: [
        ErrorCode.coordinatorLoadInProgress, .coordinatorNotAvailable, .notCoordinator, .rebalanceInProgress,
    ])
    func joiningIsTriedAgainAfterWhatPasses(code: ErrorCode) {
        var member = ClassicMembership(isCooperative: false, isStatic: false)
        play(
            &member,
            [
                (.failed(Self.error(code)), .pause(failures: 1)), (.paused, .join(Identity(), owned: [])),
                (.failed(Self.lostConnection), .pause(failures: 2)), (.paused, .join(Identity(), owned: [])),
            ]
        )
    }

    @Test(arguments: [
        ErrorCode.groupAuthorizationFailed, .inconsistentGroupProtocol, .invalidSessionTimeout, .groupMaxSizeReached,
        .fencedInstanceId, .invalidGroupId,
    ])
    func whatDoesNotPassEndsIt(code: ErrorCode) {
        var member = ClassicMembership(isCooperative: false, isStatic: false)
        member.handle(.failed(Self.error(code)))
        #expect(member.action == .end(Self.error(code)))
        var reading = settled(Self.partitions(0))
        play(
            &reading,
            [(.failed(Self.error(code)), .lose(Self.partitions(0))), (.lost, .end(Self.error(code)))]
        )
    }

    @Test func aMemberThatIsNotKnownAnyMoreJoinsAsANewOne() {
        var member = settled(Self.partitions(0, 1), isCooperative: true)
        play(
            &member,
            [
                (.failed(Self.error(.unknownMemberId)), .lose(Self.partitions(0, 1))),
                (.lost, .pause(failures: 1)),
                (.paused, .join(Identity(), owned: [])),
            ]
        )
    }

    @Test func aMemberOfAnOldGenerationKeepsItsIDOnly() {
        var member = settled(Self.partitions(0))
        play(
            &member,
            [
                (.failed(Self.error(.illegalGeneration)), .lose(Self.partitions(0))),
                (.lost, .pause(failures: 1)),
                (.paused, .join(Identity(memberID: "m"), owned: [])),
            ]
        )
    }

    @Test func syncingAgainBeginsWithJoining() {
        var member = ClassicMembership(isCooperative: false, isStatic: false)
        play(
            &member,
            [
                (.joined(Self.generation(4)), .sync(Self.generation(4))),
                (.failed(Self.error(.rebalanceInProgress)), .pause(failures: 1)),
                (.paused, .join(Identity(memberID: "m", generation: 4), owned: [])),
            ]
        )
    }

    // MARK: Rebalances

    @Test func eagerMembersGiveUpEverythingBeforeTheyJoin() {
        var member = settled(Self.partitions(0, 1))
        let identity = Identity(memberID: "m", generation: 1)
        play(
            &member,
            [
                (.failed(Self.error(.rebalanceInProgress)), .revoke(Self.partitions(0, 1))),
                (.revoked, .join(identity, owned: [])),
                (.joined(Self.generation(2)), .sync(Self.generation(2))),
                (.synced(Self.partitions(1)), .adopt(Self.partitions(1))),
                (.adopted, .settle),
            ]
        )
        #expect(member.owned == Self.partitions(1))
    }

    @Test func cooperativeMembersKeepReadingAndGiveUpOnlyWhatOthersGet() {
        var member = settled(Self.partitions(0, 1), isCooperative: true)
        let identity = Identity(memberID: "m", generation: 1)
        play(
            &member,
            [
                (.failed(Self.error(.rebalanceInProgress)), .join(identity, owned: Self.partitions(0, 1))),
                (.joined(Self.generation(2)), .sync(Self.generation(2))),
                (.synced(Self.partitions(0, 2)), .revoke(Self.partitions(1))),
                (.revoked, .adopt(Self.partitions(2))),
                // Others wait for what was given up.
                (.adopted, .join(Identity(memberID: "m", generation: 2), owned: Self.partitions(0, 2))),
                (.joined(Self.generation(3)), .sync(Self.generation(3))),
                (.synced(Self.partitions(0, 2)), .adopt([])),
                (.adopted, .settle),
            ]
        )
    }

    @Test func changedTopicsAreAReasonToJoinAnew() {
        var member = settled(Self.partitions(0), isCooperative: true)
        member.handle(.topicsChanged)
        #expect(member.action == .join(Identity(memberID: "m", generation: 1), owned: Self.partitions(0)))
    }

    @Test func aLostConnectionChangesNothingWhileReading() {
        var member = settled(Self.partitions(0))
        let before = member
        member.handle(.failed(Self.lostConnection))
        member.handle(.failed(Self.error(.notCoordinator)))
        #expect(member == before)
    }

    @Test func eventsOfAnotherPhaseChangeNothing() {
        let before = settled(Self.partitions(0))
        for event in [.synced([]), .revoked, .lost, .adopted, .paused, .awake, .left] as [ClassicMembership.Event] {
            var member = before
            member.handle(event)
            #expect(member == before, "\(event)")
        }
    }

    // MARK: Leaving

    @Test func leavingGivesUpThenTellsTheCoordinator() {
        var member = settled(Self.partitions(0))
        let identity = Identity(memberID: "m", generation: 1)
        play(
            &member,
            [
                (.leaveRequested, .revoke(Self.partitions(0))),
                (.revoked, .leave(identity, reason: "the consumer is being closed")),
                (.left, .end(nil)),
            ]
        )
    }

    @Test func leavingEndsAlsoWhenTheCoordinatorCannotBeTold() {
        var member = settled([])
        member.handle(.leaveRequested)
        member.handle(.failed(Self.lostConnection))
        #expect(member.action == .end(nil))
        var refused = settled([])
        refused.handle(.leaveRequested)
        refused.handle(.failed(Self.error(.unknownMemberId)))
        // It is out of the group, which is what was wanted; nothing is left to lose.
        #expect(refused.action == .end(nil))
    }

    @Test func whoHasNoIDYetSimplyEnds() {
        var member = ClassicMembership(isCooperative: false, isStatic: false)
        member.handle(.leaveRequested)
        #expect(member.action == .end(nil))
    }

    @Test func staticMembersGoWithoutAWord() {
        var member = settled(Self.partitions(0), isStatic: true)
        play(&member, [(.leaveRequested, .revoke(Self.partitions(0))), (.revoked, .end(nil))])
    }

    @Test func leavingInTheMiddleOfGivingUpGivesUpTheRestToo() {
        var member = settled(Self.partitions(0, 1), isCooperative: true)
        play(
            &member,
            [
                (.topicsChanged, .join(Identity(memberID: "m", generation: 1), owned: Self.partitions(0, 1))),
                (.joined(Self.generation(2)), .sync(Self.generation(2))),
                (.synced(Self.partitions(0)), .revoke(Self.partitions(1))),
                (.leaveRequested, .revoke(Self.partitions(0, 1))),
                (
                    .revoked,
                    .leave(Identity(memberID: "m", generation: 2), reason: "the consumer is being closed")
                ),
            ]
        )
        #expect(member.owned.isEmpty)
    }

    @Test func anApplicationThatDoesNotReadLeavesUntilItReadsAgain() {
        var member = settled(Self.partitions(0))
        play(
            &member,
            [
                (.stalled, .lose(Self.partitions(0))),
                (
                    .lost,
                    .leave(
                        Identity(memberID: "m", generation: 1),
                        reason: "no records were asked for within the poll interval"
                    )
                ),
                (.left, .sleep),
                (.awake, .join(Identity(), owned: [])),
            ]
        )
    }

    @Test func nothingHappensAfterTheEnd() {
        var member = ClassicMembership(isCooperative: false, isStatic: false)
        member.handle(.leaveRequested)
        let end = member
        for event in [.joined(Self.generation(1)), .leaveRequested, .failed(Self.error(.unknownMemberId))]
            as [ClassicMembership.Event]
        {
            member.handle(event)
            #expect(member == end)
        }
    }
}
