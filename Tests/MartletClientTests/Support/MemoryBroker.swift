import Model
import NIOCore
import Records
import Wire

@testable import MartletClient

/// Topics in memory, enough of a broker for the client's tests. Checks sequence numbers as Kafka does. Guarded by its
/// lock.
final class MemoryBroker: Sendable {
    struct Partition {
        var batches: [ByteBuffer] = []
        var start: Int64 = 0
        var end: Int64 = 0
        /// The next sequence number of each producer, and its epoch.
        var producers: [ProducerID: (epoch: Int16, next: SequenceNumber)] = [:]
    }

    private struct State {
        var port = 0
        var topics: [String: [Partition]]
        var nextProducer: Int64 = 100
        var opensSessions = false
        var leaderEpoch: @Sendable () -> Int32 = { 0 }
    }

    private let state: Locked<State>

    init(topics: [String: Int]) {
        state = Locked(State(topics: topics.mapValues { Array(repeating: Partition(), count: $0) }))
    }

    static let apis: [API] = [
        ApiVersionsRequest.api, MetadataRequest.api, ProduceRequest.api, FetchRequest.api, ListOffsetsRequest.api,
        InitProducerIdRequest.api,
    ]

    /// The number of the fetch session that it says it has opened.
    static let session: Int32 = 4711

    /// Lets it pretend that it opens fetch sessions.
    func opensSessions() { state.withLock { $0.opensSessions = true } }

    /// What it says the epoch of its partitions' leader is.
    func leaderEpoch(_ epoch: @escaping @Sendable () -> Int32) { state.withLock { $0.leaderEpoch = epoch } }

    func setPort(_ port: Int) { state.withLock { $0.port = port } }

    func partition(_ topic: String, _ index: Int) -> Partition? { state.withLock { $0.topics[topic]?[index] } }

    /// The values of a partition's records.
    func values(_ topic: String, _ index: Int = 0) throws -> [String] {
        var values: [String] = []
        for batch in partition(topic, index)?.batches ?? [] {
            var reader = try RecordReader(batch: batch)
            while let record = try reader.next() { values.append(record.value?.text ?? "null") }
        }
        return values
    }

    func append(_ batch: ByteBuffer, to topic: String, _ index: Int = 0) throws {
        try state.withLock { state in
            guard state.topics[topic] != nil else { return }
            _ = try Self.store(batch, &state.topics[topic, default: []][index])
        }
    }

    func answer(_ call: ScriptedCall) throws -> ScriptedAnswer {
        switch call.key {
        case .apiVersions: return .response(Self.versions, ApiVersionsRequest.api)
        case .metadata: return .response(metadata(try call.decode(MetadataRequest.self)), MetadataRequest.api)
        case .initProducerID: return .response(identity(), InitProducerIdRequest.api)
        case .produce:
            let request = try call.decode(ProduceRequest.self)
            let response = try produce(request)
            return request.acks == 0 ? .silence : .response(response, ProduceRequest.api)
        case .fetch: return .response(try fetch(try call.decode(FetchRequest.self)), FetchRequest.api)
        case .listOffsets: return .response(offsets(try call.decode(ListOffsetsRequest.self)), ListOffsetsRequest.api)
        default: return .close
        }
    }

    /// All versions of all APIs that ``answer(_:)`` knows.
    static var versions: ApiVersionsResponse { versions(of: apis) }

    static func versions(of apis: [API]) -> ApiVersionsResponse {
        var response = ApiVersionsResponse()
        response.apis = apis.map { api in
            var range = ApiVersionsResponse.VersionRange()
            range.key = api.key.rawValue
            range.minimumVersion = api.versions.lowerBound
            range.maximumVersion = api.versions.upperBound
            return range
        }
        return response
    }

    static func id(_ topic: String) -> TopicID {
        TopicID(high: 1, low: UInt64(topic.utf8.reduce(1) { $0 &* 31 &+ Int($1) }))
    }

    private func name(_ name: String, _ id: TopicID, _ state: State) -> String {
        name.isEmpty ? state.topics.keys.first { Self.id($0) == id } ?? "" : name
    }

    func metadata(_ request: MetadataRequest) -> MetadataResponse {
        state.withLock { state in
            var response = MetadataResponse()
            var broker = MetadataResponse.Broker()
            broker.nodeID = 1
            broker.host = "127.0.0.1"
            broker.port = Int32(state.port)
            response.brokers = [broker]
            response.controllerID = 1
            for name in request.topics?.compactMap(\.name) ?? state.topics.keys.sorted() {
                var topic = MetadataResponse.Topic()
                topic.name = name
                if let partitions = state.topics[name] {
                    topic.topicID = Self.id(name)
                    topic.partitions = partitions.indices.map { index in
                        var partition = MetadataResponse.Partition()
                        partition.index = Int32(index)
                        partition.leaderID = 1
                        partition.leaderEpoch = state.leaderEpoch()
                        return partition
                    }
                } else {
                    topic.errorCode = .unknownTopicOrPartition
                }
                response.topics.append(topic)
            }
            return response
        }
    }

    private func identity() -> InitProducerIdResponse {
        state.withLock { state in
            state.nextProducer += 1
            var response = InitProducerIdResponse()
            response.producerID = state.nextProducer
            return response
        }
    }

    // MARK: Records

    func produce(_ request: ProduceRequest) throws -> ProduceResponse {
        try state.withLock { state in
            var response = ProduceResponse()
            for topic in request.topics {
                var answer = ProduceResponse.Topic()
                answer.name = topic.name
                answer.topicID = topic.topicID
                let name = name(topic.name, topic.topicID, state)
                for item in topic.partitions {
                    var partition = ProduceResponse.Partition()
                    partition.index = item.index
                    guard case .bytes(let batch) = item.records, state.topics[name] != nil else {
                        partition.errorCode = .unknownTopicOrPartition
                        answer.partitions.append(partition)
                        continue
                    }
                    let (code, offset) = try Self.store(batch, &state.topics[name, default: []][Int(item.index)])
                    partition.errorCode = code
                    partition.baseOffset = offset
                    answer.partitions.append(partition)
                }
                response.topics.append(answer)
            }
            return response
        }
    }

    private static func store(_ batch: ByteBuffer, _ partition: inout Partition) throws -> (ErrorCode, Int64) {
        let header = try BatchHeader(batch)
        if header.hasProducerID {
            let known = partition.producers[header.producerID]
            let isNewEpoch = known.map { header.producerEpoch > $0.epoch } ?? true
            let expected = isNewEpoch ? SequenceNumber(0) : known?.next ?? SequenceNumber(0)
            guard header.baseSequence == expected else { return (.outOfOrderSequenceNumber, -1) }
            partition.producers[header.producerID] = (
                header.producerEpoch, header.baseSequence.advanced(by: header.recordCount)
            )
        }
        var stored = batch
        stored.setInteger(partition.end, at: stored.readerIndex)
        partition.batches.append(stored)
        defer { partition.end += Int64(header.recordCount) }
        return (.none, partition.end)
    }

    private func fetch(_ request: FetchRequest) throws -> FetchResponse {
        try state.withLock { state in
            var response = FetchResponse()
            response.sessionID = state.opensSessions ? Self.session : 0
            for topic in request.topics {
                var answer = FetchResponse.Topic()
                answer.name = topic.name
                answer.topicID = topic.topicID
                let name = name(topic.name, topic.topicID, state)
                for item in topic.partitions {
                    var partition = FetchResponse.Partition()
                    partition.index = item.index
                    if let known = state.topics[name]?[Int(item.index)] {
                        partition.highWatermark = known.end
                        let isInRange = (known.start...known.end).contains(item.fetchOffset)
                        partition.errorCode = isInRange ? .none : .offsetOutOfRange
                        let batches = try known.batches.filter {
                            try BatchHeader($0).lastOffset.rawValue >= item.fetchOffset
                        }
                        partition.records = .bytes(isInRange ? .joined(batches) : ByteBuffer())
                    } else {
                        partition.errorCode = .unknownTopicOrPartition
                    }
                    answer.partitions.append(partition)
                }
                response.topics.append(answer)
            }
            return response
        }
    }

    private func offsets(_ request: ListOffsetsRequest) -> ListOffsetsResponse {
        state.withLock { state in
            var response = ListOffsetsResponse()
            for topic in request.topics {
                var answer = ListOffsetsResponse.Topic()
                answer.name = topic.name
                for item in topic.partitions {
                    var partition = ListOffsetsResponse.Partition()
                    partition.index = item.index
                    let known = state.topics[topic.name]?[Int(item.index)]
                    switch item.timestamp {
                    case -1: partition.offset = known?.end ?? -1
                    case -2: partition.offset = known?.start ?? -1
                    default: partition.offset = -1
                    }
                    answer.partitions.append(partition)
                }
                response.topics.append(answer)
            }
            return response
        }
    }
}
