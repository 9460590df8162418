import Model
package import Wire

/// DescribeCluster (key 60): the brokers and their addresses (KIP-700).
extension DescribeClusterRequest: BrokerRequest {
    private enum EndpointType {
        static let brokers: Int8 = 1
        static let controllers: Int8 = 2
    }

    package func handle(_ call: Call<DescribeClusterRequest>) {
        var response = DescribeClusterResponse()
        response.endpointType = endpointType
        guard endpointType == EndpointType.brokers else {
            response.errorCode =
                endpointType == EndpointType.controllers ? .mismatchedEndpointType : .unsupportedEndpointType
            response.errorMessage = "this listener describes brokers only (endpoint type 1), not \(endpointType)"
            return call.reply(response)
        }
        let endpoint = call.broker.endpoint(for: call.connection)
        var broker = DescribeClusterResponse.Broker()
        broker.brokerID = call.broker.nodeID
        broker.host = endpoint.host
        broker.port = Int32(endpoint.port)
        broker.rack = call.broker.settings.rack
        response.clusterID = call.broker.clusterID
        response.controllerID = call.broker.nodeID
        response.brokers = [broker]
        if includeClusterAuthorizedOperations { response.clusterAuthorizedOperations = Operations.cluster }
        call.reply(response)
    }
}

/// The operations a client may do, as bits numbered by Kafka's AclOperation (KIP-430). Without authorization: all that
/// make sense for the resource.
enum Operations {
    private static let read = 3
    private static let write = 4
    private static let create = 5
    private static let delete = 6
    private static let alter = 7
    private static let describe = 8
    private static let clusterAction = 9
    private static let describeConfigs = 10
    private static let alterConfigs = 11
    private static let idempotentWrite = 12

    static let group = bits([read, delete, describe])
    static let cluster = bits([create, alter, describe, clusterAction, describeConfigs, alterConfigs, idempotentWrite])
    static let topic = bits([read, write, create, delete, alter, describe, describeConfigs, alterConfigs])

    private static func bits(_ operations: [Int]) -> Int32 {
        operations.reduce(0) { $0 | 1 << Int32($1) }
    }
}
