import Model
import Testing
import Wire

@testable import MartletClient

/// What the admin does about coordinators that move and groups that are in use.
@Suite struct AdminGroupsTests {
    private static let apis = [
        FindCoordinatorRequest.api, DescribeGroupsRequest.api, OffsetCommitRequest.api, OffsetFetchRequest.api,
        ListGroupsRequest.api,
    ]

    /// A broker that coordinates groups, which answers as `script` says.
    private func broker(
        highest: [APIKey: Int16] = [:],
        _ script: @escaping ScriptedBroker.Script
    ) async throws -> ScriptedBroker {
        try await ScriptedBroker.start(apis: MemoryBroker.apis + Self.apis) { call in
            switch call.key {
            case .apiVersions:
                var response = MemoryBroker.versions(of: MemoryBroker.apis + Self.apis)
                for index in response.apis.indices {
                    let key = APIKey(rawValue: response.apis[index].key)
                    response.apis[index].maximumVersion = highest[key] ?? response.apis[index].maximumVersion
                }
                return .response(response, ApiVersionsRequest.api)
            case .findCoordinator:
                if let answer = try script(call) { return answer }
                var response = FindCoordinatorResponse()
                response.nodeID = 1
                response.coordinators = try call.decode(FindCoordinatorRequest.self).coordinatorKeys.map { key in
                    var coordinator = FindCoordinatorResponse.Coordinator()
                    coordinator.key = key
                    coordinator.nodeID = 1
                    return coordinator
                }
                return .response(response, FindCoordinatorRequest.api)
            default: return try script(call)
            }
        }
    }

    private static func commits(_ call: ScriptedCall, _ code: ErrorCode) throws -> ScriptedAnswer {
        let request = try call.decode(OffsetCommitRequest.self)
        var response = OffsetCommitResponse()
        response.topics = request.topics.map { topic in
            var answer = OffsetCommitResponse.Topic()
            answer.name = topic.name
            answer.partitions = topic.partitions.map { partition in
                var result = OffsetCommitResponse.Partition()
                result.index = partition.index
                result.errorCode = code
                return result
            }
            return answer
        }
        return .response(response, OffsetCommitRequest.api)
    }

    private let offsets = [Partition(topic: "t", index: 0): CommittedOffset(offset: 5)]

    @Test(arguments: [ErrorCode.notCoordinator, .coordinatorNotAvailable, .coordinatorLoadInProgress])
    func commitsAreTriedAgainWhileTheCoordinatorMovesOrLoads(code: ErrorCode) async throws {
        let broker = try await broker { call in
            call.key == .offsetCommit ? try Self.commits(call, call.index < 2 ? code : .none) : nil
        }
        let admin = Admin(broker.client)
        #expect(try await admin.alterGroupOffsets(of: "g", offsets).isEmpty)
        #expect(broker.calls(.offsetCommit).count == 3)
        #expect(broker.calls(.findCoordinator).count == (code == .coordinatorLoadInProgress ? 1 : 3))
        await admin.close()
        try await broker.stop()
    }

    @Test func coordinatorsAreFoundOneByOneWhereTheBrokerIsOld() async throws {
        let broker = try await broker(highest: [.findCoordinator: 3]) { call in
            guard call.key == .describeGroups else { return nil }
            var response = DescribeGroupsResponse()
            response.groups = try call.decode(DescribeGroupsRequest.self).groups.map { id in
                var group = DescribeGroupsResponse.Group()
                group.groupID = id
                group.groupState = id == "gone" ? "Dead" : "Empty"
                return group
            }
            return .response(response, DescribeGroupsRequest.api)
        }
        let admin = Admin(broker.client)
        let groups = try await admin.describeGroups(["b", "a"])
        #expect(groups.map(\.id) == ["b", "a"])
        #expect(groups.map(\.state) == [.empty, .empty])
        #expect(broker.calls(.findCoordinator).count == 2)
        #expect(broker.calls(.describeGroups).count == 1)
        // A group that is dead does not exist, whatever version the broker speaks.
        #expect(try await admin.describeGroup("gone") == nil)
        await admin.close()
        try await broker.stop()
    }

    @Test func commitsForAGroupWithMembersAreAnError() async throws {
        let broker = try await broker { call in
            call.key == .offsetCommit ? try Self.commits(call, .unknownMemberId) : nil
        }
        let admin = Admin(broker.client)
        let error = await #expect(throws: ClientError.self) { try await admin.alterGroupOffsets(of: "g", offsets) }
        #expect(error?.kafkaName == "UNKNOWN_MEMBER_ID")
        await admin.close()
        try await broker.stop()
    }

    @Test func partitionsThatAreRefusedAreNamed() async throws {
        let broker = try await broker { call in
            call.key == .offsetCommit ? try Self.commits(call, .offsetMetadataTooLarge) : nil
        }
        let admin = Admin(broker.client)
        let refused = try await admin.alterGroupOffsets(of: "g", offsets)
        #expect(refused.mapValues(\.kafkaName) == [Partition(topic: "t", index: 0): "OFFSET_METADATA_TOO_LARGE"])
        await admin.close()
        try await broker.stop()
    }

    @Test func filtersThatABrokerDoesNotKnowAreAnErrorRatherThanIgnored() async throws {
        let broker = try await broker(highest: [.listGroups: 3]) { _ in nil }
        let admin = Admin(broker.client)
        let error = await #expect(throws: ClientError.self) { try await admin.listGroups(states: [.stable]) }
        #expect(error?.kind == .unsupported)
        await admin.close()
        try await broker.stop()
    }
}
