import Model
import NIOCore
import Testing
import Wire

@testable import MartletClient

/// The ranges of versions that releases of Kafka announce, of the APIs that records need.
@Suite struct NegotiationTests {
    struct Release: CustomTestStringConvertible, Sendable {
        let name: String
        let ranges: [APIKey: ClosedRange<Int16>]

        var testDescription: String { name }

        /// In the order produce, fetch, list offsets, metadata, ApiVersions, InitProducerId.
        init(_ name: String, _ ranges: [ClosedRange<Int16>]) {
            self.name = name
            let keys: [APIKey] = [.produce, .fetch, .listOffsets, .metadata, .apiVersions, .initProducerID]
            self.ranges = Dictionary(uniqueKeysWithValues: zip(keys, ranges))
        }
    }

    static let releases = [
        Release("2.0", [0...6, 0...8, 0...3, 0...6, 0...2, 0...1]),
        Release("2.1", [0...7, 0...10, 0...4, 0...7, 0...2, 0...1]),
        Release("2.4", [0...8, 0...11, 0...5, 0...9, 0...3, 0...2]),
        Release("2.8", [0...9, 0...12, 0...6, 0...11, 0...3, 0...4]),
        Release("3.1", [0...9, 0...13, 0...7, 0...12, 0...3, 0...4]),
        Release("3.9", [0...11, 0...17, 0...9, 0...12, 0...4, 0...5]),
        Release("4.0", [0...12, 4...17, 1...10, 0...13, 0...4, 0...5]),
        Release("4.3", [0...13, 4...18, 1...11, 0...13, 0...4, 0...6]),
    ]

    /// A broker that closes the connection at a version it does not announce, as Kafka does.
    func broker(_ release: Release) async throws -> ScriptedBroker {
        try await ScriptedBroker.start { call in
            guard let range = release.ranges[call.key] else { return .close }
            guard call.key == .apiVersions else { return range.contains(call.header.version) ? nil : .close }
            var answer = ApiVersionsResponse()
            answer.apis = release.ranges.map { key, range in
                var item = ApiVersionsResponse.VersionRange()
                item.key = key.rawValue
                (item.minimumVersion, item.maximumVersion) = (range.lowerBound, range.upperBound)
                return item
            }
            if !range.contains(call.header.version) {
                answer.errorCode = .unsupportedVersion
                return .raw(try Self.frame(answer, call.header.correlationID))
            }
            return .response(answer, ApiVersionsRequest.api)
        }
    }

    /// A refusal, which is always in version 0 (KIP-511).
    static func frame(_ answer: ApiVersionsResponse, _ correlationID: Int32) throws -> [UInt8] {
        let output = try Frame.response(
            answer,
            api: ApiVersionsRequest.api,
            version: 0,
            correlationID: correlationID
        )
        return Array(output.bytes.readableBytesView)
    }

    @Test(arguments: releases)
    func recordsTravelInTheHighestVersionsThatBothSpeak(release: Release) async throws {
        let broker = try await broker(release)
        var client = broker.client
        // A version that the broker does not speak shows at once.
        client.operationTimeout = .zero
        let producer = try Producer(ProducerConfiguration(client: client))
        for value in ["a", "b"] { _ = try await producer.send(ProducerRecord(topic: "t", value: value)) }
        try await producer.close()
        var configuration = ConsumerConfiguration(
            client: client,
            assignments: [Assignment(topic: "t", start: .beginning)]
        )
        configuration.stopsAtEnd = true
        let consumer = Consumer(configuration)
        var values: [String] = []
        for try await record in consumer { values.append(record.value?.text ?? "") }
        #expect(values == ["a", "b"])
        for (key, api) in [(APIKey.produce, ProduceRequest.api), (.fetch, FetchRequest.api)] {
            let highest = min(try #require(release.ranges[key]).upperBound, api.versions.upperBound)
            #expect(Set(broker.calls(key).map(\.header.version)) == [highest])
        }
        await consumer.close()
        try await broker.stop()
    }
}
