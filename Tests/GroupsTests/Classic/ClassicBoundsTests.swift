import Groups
import Model
import Testing

/// What members can make a group keep.
struct ClassicBoundsTests {
    private var host = ClassicHost()

    /// Joins without the detour of asking for an id; returns the error, or nil if the answer is still to come.
    private mutating func join(_ name: String, metadata: [UInt8] = [], hasRoom: Bool = true, again: Bool = false)
        -> ErrorCode?
    {
        var request = JoinRequest()
        request.sessionTimeoutMilliseconds = 10_000
        request.rebalanceTimeoutMilliseconds = 60_000
        request.protocolType = "consumer"
        request.protocols = [JoinProtocol(name: "range", metadata: metadata)]
        request.requiresKnownMemberID = false
        request.hasRoom = hasRoom
        request.freshMemberID = MemberID(name)
        if again { request.memberID = MemberID(name) }
        let token = host.nextToken()
        host.handle { group, settings, step in group.join(request, token, settings, &step) }
        for case .reply(token, .join(let reply)) in host.takeEffects() { return reply.error }
        return nil
    }

    private mutating func leave(_ name: String) {
        var member = LeaveRequest.Member()
        member.id = MemberID(name)
        var request = LeaveRequest()
        request.members = [member]
        let token = host.nextToken()
        host.handle { group, settings, step in group.leave(request, token, settings, &step) }
    }

    /// Hands in an assignment; returns the error, or nil if the answer is still to come.
    @discardableResult
    private mutating func sync(_ name: String, assignment: [UInt8], room: Int = .max) -> ErrorCode? {
        var request = SyncRequest()
        request.room = room
        request.generation = host.group.generation
        request.memberID = MemberID(name)
        request.assignments = [(MemberID(name), assignment)]
        let token = host.nextToken()
        host.handle { group, settings, step in group.sync(request, token, settings, &step) }
        for case .reply(token, .sync(let reply)) in host.takeEffects() { return reply.error }
        return nil
    }

    @Test mutating func assignmentsForWhichThereIsNoRoomAreRefused() {
        let own = GroupLimits.bytesPerMember
        #expect(join("a") == nil)
        host.advance(to: 50)
        let assignment = [UInt8](repeating: 0, count: 100)
        #expect(sync("a", assignment: assignment, room: 99) == .groupMaxSizeReached)
        #expect(host.group.memberBytes == own)
        host.isLogStalled = true
        #expect(sync("a", assignment: assignment, room: 100) == nil)
        // They count while they are on their way into the log.
        #expect(host.group.memberBytes == own + 100)
        host.settleAppend(failure: .coordinatorNotAvailable)
        #expect(host.group.memberBytes == own)
        host.isLogStalled = false
        #expect(join("a", again: true) == ErrorCode.none)
        #expect(sync("a", assignment: assignment, room: 100) == ErrorCode.none)
        #expect(host.group.memberBytes == own + 100)
        // What they take the place of does not count against them.
        #expect(join("a", metadata: [1], again: true) == ErrorCode.none)
        #expect(sync("a", assignment: assignment + [0], room: 0) == .groupMaxSizeReached)
        #expect(sync("a", assignment: assignment, room: 0) == ErrorCode.none)
    }

    @Test mutating func assignmentsThatAreTooLargeAreRefusedWhateverRoomThereIs() {
        #expect(join("a") == nil)
        host.advance(to: 50)
        let most = GroupLimits.assignmentBytesPerMember
        #expect(sync("a", assignment: [UInt8](repeating: 0, count: most + 1)) == .invalidRequest)
        #expect(sync("a", assignment: [UInt8](repeating: 0, count: most)) == ErrorCode.none)
    }

    @Test mutating func whereThereIsNoRoomOnlyMembersJoin() {
        #expect(join("a") == nil)
        #expect(join("b", hasRoom: false) == .groupMaxSizeReached)
        host.advance(to: 50)
        #expect(host.group.state == .completingRebalance)
        #expect(join("a", hasRoom: false, again: true) == ErrorCode.none)
    }

    @Test mutating func aGroupHasNoMoreMembersThanItsLeaderCanBeToldOf() {
        let metadata = [UInt8](repeating: 0, count: GroupLimits.metadataBytesPerMember)
        let most = GroupLimits.metadataBytesPerGroup / GroupLimits.metadataBytesPerMember
        for number in 0..<most { #expect(join("m\(number)", metadata: metadata) == nil) }
        #expect(join("one more", metadata: [1]) == .groupMaxSizeReached)
        #expect(join("another", metadata: []) == nil)
        // What a member has said before does not count against it.
        #expect(join("m0", metadata: metadata, again: true) == nil)
        leave("m1")
        #expect(join("one more", metadata: [1]) == nil)
    }

    @Test mutating func whatMembersTakeIsCountedUntilTheyAreGone() {
        #expect(host.group.memberBytes == 0)
        #expect(join("a", metadata: [1, 2, 3]) == nil)
        #expect(host.group.memberBytes == GroupLimits.bytesPerMember + 3)
        host.advance(to: 50)
        sync("a", assignment: [1, 2, 3, 4])
        #expect(host.group.state == .stable)
        #expect(host.group.memberBytes == GroupLimits.bytesPerMember + 7)
        host.restart()
        #expect(host.group.memberBytes == GroupLimits.bytesPerMember + 7)
        leave("a")
        #expect(host.group.memberBytes == 0)
    }
}
