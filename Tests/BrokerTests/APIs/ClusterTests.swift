import Model
import TestSupport
import Testing
import Wire

@testable import Broker

/// DescribeCluster and FindCoordinator: the one broker, as each of them names it.
struct ClusterTests {
    private let broker: TestBroker
    private let connection: FakeConnection

    init() throws {
        broker = try TestBroker(["node.id": "7", "broker.rack": "r1"])
        connection = broker.connect()
    }

    // MARK: DescribeCluster

    @Test(arguments: [0, 2, 3, -1, .max] as [Int8])
    func onlyBrokersAreDescribed(endpointType: Int8) throws {
        var request = DescribeClusterRequest()
        request.endpointType = endpointType
        for version: Int16 in 1...2 {
            let response = try connection.send(request, version: version)
            #expect(response.errorCode == (endpointType == 2 ? .mismatchedEndpointType : .unsupportedEndpointType))
            #expect(response.errorMessage?.isEmpty == false)
            #expect(response.endpointType == endpointType && response.brokers.isEmpty)
        }
    }

    @Test(arguments: DescribeClusterRequest.api.versions)
    func theClusterIsThisBroker(version: Int16) throws {
        var request = DescribeClusterRequest()
        let response = try connection.send(request, version: version)
        #expect(response.errorCode == .none)
        #expect(response.clusterID == broker.broker.clusterID && response.controllerID == 7)
        let node = try #require(response.brokers.first)
        #expect(response.brokers.count == 1)
        #expect(node.brokerID == 7 && node.host == "broker.example" && node.port == 9092 && node.rack == "r1")
        #expect(!node.isFenced)
        #expect(response.clusterAuthorizedOperations == .min)
        request.includeClusterAuthorizedOperations = true
        #expect(try connection.send(request, version: version).clusterAuthorizedOperations == 0b1_1111_1010_0000)
    }

    @Test(arguments: [TestBroker.Ending.clean, .kill, .powerCut])
    func theClusterKeepsItsID(ending: TestBroker.Ending) throws {
        let id = broker.broker.clusterID
        #expect(TopicID(id) != nil)
        try broker.restart(ending)
        #expect(broker.broker.clusterID == id)
        #expect(try TestBroker().broker.clusterID != id)
    }

    // MARK: FindCoordinator

    private func find(_ type: Int8, _ keys: String..., version: Int16) throws -> [FindCoordinatorResponse.Coordinator] {
        var request = FindCoordinatorRequest()
        (request.keyType, request.key, request.coordinatorKeys) = (type, keys.first ?? "", keys)
        let response = try connection.send(request, version: version)
        guard version < 4 else { return response.coordinators }
        var coordinator = FindCoordinatorResponse.Coordinator()
        coordinator.key = request.key
        (coordinator.errorCode, coordinator.errorMessage) = (response.errorCode, response.errorMessage)
        (coordinator.nodeID, coordinator.host, coordinator.port) = (response.nodeID, response.host, response.port)
        return [coordinator]
    }

    @Test func kindsOfKeysThatDoNotExistAreInvalid() throws {
        for version in FindCoordinatorRequest.api.versions where version >= 1 {
            for type in [-1, 3, .max, .min] + (version < 6 ? [2] : []) as [Int8] {
                let found = try find(type, "key", version: version)[0]
                #expect(found.errorCode == .invalidRequest, "type \(type), v\(version)")
                #expect(found.nodeID == -1 && found.host == "" && found.port == -1)
                #expect(found.errorMessage?.isEmpty == false)
            }
        }
    }

    @Test func aTransactionalIDIsNotEmpty() throws {
        for version: Int16 in 1...6 {
            #expect(try find(1, "", version: version)[0].errorCode == .invalidRequest)
            #expect(try find(1, "payments", version: version)[0].errorCode == .none)
        }
    }

    @Test func theKeyOfASharePartitionHasThreeParts() throws {
        let id = TopicID(high: 1, low: 2)
        for key in ["group", "group:\(id)", "group:\(id):x", ":\(id):0", "group:x:0", "group:\(id):0:0", ""] {
            #expect(try find(2, key, version: 6)[0].errorCode == .invalidRequest, "\(key)")
        }
        #expect(try find(2, "group:\(id):0", version: 6)[0].errorCode == .none)
    }

    @Test(arguments: FindCoordinatorRequest.api.versions)
    func thisBrokerCoordinatesEverything(version: Int16) throws {
        for type: Int8 in version == 0 ? [0] : [0, 1] {
            let found = try find(type, "a", "b", version: version)
            #expect(found.map(\.key) == (version < 4 ? ["a"] : ["a", "b"]))
            #expect(found.allSatisfy { $0.errorCode == .none && $0.nodeID == 7 && $0.port == 9092 })
            #expect(found.allSatisfy { $0.host == "broker.example" })
        }
        #expect(try find(0, "", version: version)[0].errorCode == .none)
    }

    @Test func aKeyThatIsWrongDoesNotHarmItsNeighbours() throws {
        #expect(try find(1, "a", "", "b", version: 4).map(\.errorCode) == [.none, .invalidRequest, .none])
        #expect(try find(1, version: 4).isEmpty)
    }
}
