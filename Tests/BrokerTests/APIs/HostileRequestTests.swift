import Model
import NIOCore
import TestSupport
import Testing
import Wire

@testable import Broker

/// Arbitrary requests that name topics which are there, so that they get past the first check.
struct HostileRequestTests {
    private static let seeds: Range<UInt64> = 0..<150
    private static let names = ["events", "table", "missing", EmbeddedCatalogue.topicName]

    private let broker: TestBroker
    private let connection: FakeConnection
    private let id: TopicID

    init() throws {
        broker = try TestBroker()
        connection = broker.connect()
        // What the broker's defaults are made to be must not keep the test from seeing that the broker goes on.
        let limits = ["message.timestamp.before.max.ms", "message.timestamp.after.max.ms"].map { ($0, "\(Int64.max)") }
        let configs = Dictionary(uniqueKeysWithValues: limits + [("max.message.bytes", "1000000")])
        id = try connection.createTopic("events", partitions: 3, configs: configs)
        try connection.createTopic("table", configs: ["cleanup.policy": "compact"])
        for number in 0..<5 { try connection.append(Batch(["\(number)"]), to: "events", Int32(number % 3)) }
    }

    /// Sends samples of a request in every version, as `aim` directs them, and expects one end of each.
    private func send<Request: WireRequest>(
        _ type: Request.Type,
        _ aim: (inout Request, inout SeededGenerator) throws -> Void
    ) throws {
        for version in Request.api.versions {
            for seed in Self.seeds {
                var generator = SeededGenerator(seed: seed)
                var request = try Request.sample(
                    seed: seed,
                    version: version,
                    isFlexible: Request.api.isFlexible(version)
                )
                try aim(&request, &generator)
                let connection = broker.connect()
                let pending = try connection.begin(request, version: version)
                broker.advance(milliseconds: Int64(Int32.max))
                try broker.loop.run(
                    until: { !connection.order.isEmpty || !connection.isOpen },
                    "\(Request.api.name) v\(version), seed \(seed)"
                )
                let ends = connection.order.count + connection.refusals.count
                #expect(ends == 1 && connection.parked.isEmpty, "\(Request.api.name) v\(version), seed \(seed)")
                if case .response(let output)? = connection.answers[0] { _ = try pending.decode(output) }
            }
        }
        // Whatever was asked, the broker goes on.
        let offset = try connection.append(Batch(["alive"]), to: "events")
        #expect(try connection.fetch(.wanting([Wanted(offset: offset)])).allValues == ["alive"])
    }

    private func name(_ generator: inout SeededGenerator) -> String {
        Self.names.randomElement(using: &generator) ?? ""
    }

    private func index(_ generator: inout SeededGenerator) -> Int32 {
        [0, 1, 2, 3, -1, .max].randomElement(using: &generator) ?? 0
    }

    private func number(_ generator: inout SeededGenerator) -> Int64 {
        [-6, -5, -4, -3, -2, -1, 0, 1, 2, 3, .max, .min].randomElement(using: &generator) ?? 0
    }

    @Test func produceRequestsOfDamagedBatches() throws {
        let good = try Batch(["good", "better"]).bytes
        try send(ProduceRequest.self) { request, generator in
            request.transactionalID = nil
            for topic in request.topics.indices {
                (request.topics[topic].name, request.topics[topic].topicID) = (name(&generator), id)
                for partition in request.topics[topic].partitions.indices {
                    var batch = good
                    let position = Int.random(in: 0..<good.readableBytes, using: &generator)
                    if Bool.random(using: &generator) {
                        batch.setInteger(UInt8.random(in: 0...255, using: &generator), at: position)
                    }
                    if Int.random(in: 0..<4, using: &generator) == 0 { batch.moveWriterIndex(to: position) }
                    request.topics[topic].partitions[partition].index = index(&generator)
                    request.topics[topic].partitions[partition].records = .bytes(batch)
                }
            }
        }
    }

    @Test func fetchRequestsOfAnySessionAndOffset() throws {
        try send(FetchRequest.self) { request, generator in
            (request.replicaID, request.replicaState.replicaID) = (-1, -1)
            request.sessionEpoch = [0, -1, 1, 2].randomElement(using: &generator) ?? 0
            for topic in request.topics.indices {
                (request.topics[topic].name, request.topics[topic].topicID) = (name(&generator), id)
                for partition in request.topics[topic].partitions.indices {
                    request.topics[topic].partitions[partition].index = index(&generator)
                    request.topics[topic].partitions[partition].fetchOffset = number(&generator)
                    request.topics[topic].partitions[partition].lastFetchedEpoch = Int32(
                        clamping: number(&generator)
                    )
                    request.topics[topic].partitions[partition].currentLeaderEpoch = -1
                }
            }
        }
    }

    @Test func listOffsetsRequestsOfAnyTime() throws {
        try send(ListOffsetsRequest.self) { request, generator in
            for topic in request.topics.indices {
                request.topics[topic].name = name(&generator)
                for partition in request.topics[topic].partitions.indices {
                    request.topics[topic].partitions[partition].index = index(&generator)
                    request.topics[topic].partitions[partition].timestamp = number(&generator)
                    request.topics[topic].partitions[partition].currentLeaderEpoch = -1
                }
            }
        }
    }

    @Test func offsetForLeaderEpochRequestsOfAnyEpoch() throws {
        try send(OffsetForLeaderEpochRequest.self) { request, generator in
            for topic in request.topics.indices {
                request.topics[topic].name = name(&generator)
                for partition in request.topics[topic].partitions.indices {
                    request.topics[topic].partitions[partition].index = index(&generator)
                    request.topics[topic].partitions[partition].currentLeaderEpoch = -1
                }
            }
        }
    }

    @Test func deleteRecordsRequestsOfAnyOffset() throws {
        try send(DeleteRecordsRequest.self) { request, generator in
            for topic in request.topics.indices {
                request.topics[topic].name = name(&generator)
                for partition in request.topics[topic].partitions.indices {
                    request.topics[topic].partitions[partition].index = index(&generator)
                    request.topics[topic].partitions[partition].offset = number(&generator)
                }
            }
        }
    }

    @Test func alterConfigsRequestsOfAnyValue() throws {
        let keys = (TopicKeys.all + BrokerKeys.all).map(\.name)
        try send(IncrementalAlterConfigsRequest.self) { request, generator in
            for resource in request.resources.indices {
                request.resources[resource].type = Bool.random(using: &generator) ? 2 : 4
                let isTopic = request.resources[resource].type == 2
                let broker = Bool.random(using: &generator) ? "1" : ""
                request.resources[resource].name = isTopic ? "table" : broker
                for config in request.resources[resource].configs.indices {
                    let operation = Int8.random(in: -1...4, using: &generator)
                    request.resources[resource].configs[config].name = keys.randomElement(using: &generator) ?? ""
                    request.resources[resource].configs[config].operation = operation
                    let values = [
                        "0", "1", "-1", "true", "delete", "compact", "\(Int64.max)", "\(Int64.min)", "1e999", "",
                    ]
                    request.resources[resource].configs[config].value = values.randomElement(using: &generator)
                }
            }
        }
    }

    @Test func createPartitionsRequestsOfAnyNumber() throws {
        try send(CreatePartitionsRequest.self) { request, generator in
            for topic in request.topics.indices {
                request.topics[topic].name = name(&generator)
                request.topics[topic].partitionCount = Int32(clamping: number(&generator))
            }
        }
    }

    @Test func describeTopicPartitionsRequestsFromAnyCursor() throws {
        try send(DescribeTopicPartitionsRequest.self) { request, generator in
            for topic in request.topics.indices { request.topics[topic].name = name(&generator) }
            request.cursor?.topicName = name(&generator)
            request.cursor?.partitionIndex = index(&generator)
        }
    }
}
