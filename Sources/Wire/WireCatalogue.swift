package import NIOCore

/// One message of the protocol, request or response, without its type: for tests, fuzzers and comparisons with other
/// implementations, which go through all messages. Immutable.
package struct MessageKind: Sendable, CustomStringConvertible {
    package let api: API
    package let isRequest: Bool
    private let type: any WireStruct.Type

    init(_ api: API, isRequest: Bool, _ type: any WireStruct.Type) {
        self.api = api
        self.isRequest = isRequest
        self.type = type
    }

    /// For example `Fetch request`.
    package var description: String { "\(api.name) \(isRequest ? "request" : "response")" }

    /// A message with arbitrary values; the same for the same seed.
    package func sample(seed: UInt64, version: Int16) throws(WireError) -> any WireStruct {
        try type.sample(seed: seed, version: version, isFlexible: api.isFlexible(version))
    }

    package func read(
        _ bytes: ByteBuffer,
        version: Int16
    ) throws(WireError) -> (message: any WireStruct, rest: ByteBuffer) {
        try type.readErased(bytes, version: version, isFlexible: api.isFlexible(version))
    }

    package func write(_ message: any WireStruct, version: Int16) throws(WireError) -> ByteBuffer {
        var output = WireOutput(bytes: ByteBuffer())
        try message.write(to: &output, version: version, isFlexible: api.isFlexible(version))
        return output.bytes
    }

    package func describe(_ message: any WireStruct, version: Int16) throws(WireError) -> WireDescription {
        try message.describe(version: version, isFlexible: api.isFlexible(version))
    }

    /// The default of every field, with one element in every array.
    package func describeDefaults(version: Int16) throws(WireError) -> WireDescription {
        try type.describeDefaults(version: version, isFlexible: api.isFlexible(version))
    }
}

/// All messages this code knows.
package enum WireCatalogue {
    package static let all: [MessageKind] = [
        kinds(ProduceRequest.self),
        kinds(FetchRequest.self),
        kinds(ListOffsetsRequest.self),
        kinds(MetadataRequest.self),
        kinds(OffsetCommitRequest.self),
        kinds(OffsetFetchRequest.self),
        kinds(FindCoordinatorRequest.self),
        kinds(JoinGroupRequest.self),
        kinds(HeartbeatRequest.self),
        kinds(LeaveGroupRequest.self),
        kinds(SyncGroupRequest.self),
        kinds(DescribeGroupsRequest.self),
        kinds(ListGroupsRequest.self),
        kinds(ApiVersionsRequest.self),
        kinds(CreateTopicsRequest.self),
        kinds(DeleteTopicsRequest.self),
        kinds(DeleteRecordsRequest.self),
        kinds(InitProducerIdRequest.self),
        kinds(OffsetForLeaderEpochRequest.self),
        kinds(DescribeConfigsRequest.self),
        kinds(DescribeLogDirsRequest.self),
        kinds(CreatePartitionsRequest.self),
        kinds(DeleteGroupsRequest.self),
        kinds(IncrementalAlterConfigsRequest.self),
        kinds(OffsetDeleteRequest.self),
        kinds(DescribeClusterRequest.self),
        kinds(ConsumerGroupHeartbeatRequest.self),
        kinds(ConsumerGroupDescribeRequest.self),
        kinds(DescribeTopicPartitionsRequest.self),
        kinds(ExplainTopicRequest.self),
        kinds(ApplyRetentionRequest.self),
        kinds(CompactTopicRequest.self),
        kinds(DescribeHealthRequest.self),
        kinds(GroupHistoryRequest.self),
    ].flatMap { $0 }

    private static func kinds<Request: WireRequest>(_ request: Request.Type) -> [MessageKind] {
        [
            MessageKind(Request.api, isRequest: true, request),
            MessageKind(Request.api, isRequest: false, Request.Response.self),
        ]
    }
}

extension WireStruct {
    fileprivate static func readErased(
        _ bytes: ByteBuffer,
        version: Int16,
        isFlexible: Bool
    ) throws(WireError) -> (message: any WireStruct, rest: ByteBuffer) {
        let (message, rest) = try read(bytes, version: version, isFlexible: isFlexible)
        return (message, rest)
    }
}
