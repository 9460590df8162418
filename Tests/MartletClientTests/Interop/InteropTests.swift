import Foundation
import NIOCore
import Testing

@testable import MartletClient

private let interpreter = ProcessInfo.processInfo.environment["MARTLET_TEST_PYTHON"]

/// What the library writes, other clients read, and the reverse: every codec, headers, nulls and timestamps.
@Suite(.enabled(if: interpreter != nil, "MARTLET_TEST_PYTHON names no Python with other clients"))
struct InteropTests {
    static let names = ["confluent-kafka", "kafka-python", "aiokafka"]
    static let partitions = 3

    /// A record as both sides say it: JSON's values, bytes in base 64.
    struct Line: Decodable, Equatable {
        let partition: Int32
        let offset: Int64
        /// −1 if the client that wrote it did not say.
        let timestamp: Int64
        let key: Data?
        let value: Data?
        let headers: [Header]

        struct Header: Decodable, Equatable {
            let name: String
            let value: Data?

            init(_ header: RecordHeader) {
                name = header.name
                value = header.value.map { Data($0.readableBytesView) }
            }

            init(from decoder: any Decoder) throws {
                var fields = try decoder.unkeyedContainer()
                name = try fields.decode(String.self)
                value = try fields.decode(Data?.self)
            }
        }

        init(from decoder: any Decoder) throws {
            var fields = try decoder.unkeyedContainer()
            partition = try fields.decode(Int32.self)
            offset = try fields.decode(Int64.self)
            timestamp = try fields.decode(Int64.self)
            key = try fields.decode(Data?.self)
            value = try fields.decode(Data?.self)
            headers = try fields.decode([Header].self)
        }

        init(_ record: ConsumedRecord, timestamp: Int64) {
            (partition, offset, self.timestamp) = (record.partition, record.offset, timestamp)
            key = record.key.map { Data($0.readableBytesView) }
            value = record.value.map { Data($0.readableBytesView) }
            headers = record.headers.map(Header.init)
        }

        init(_ record: ProducerRecord, partition: Int32, offset: Int64) {
            (self.partition, self.offset, timestamp) = (partition, offset, record.timestamp ?? -1)
            key = record.key.map { Data($0.readableBytesView) }
            value = record.value.map { Data($0.readableBytesView) }
            headers = record.headers.map(Header.init)
        }
    }

    func other(_ arguments: String...) async throws -> [Line] {
        let process = Process()
        process.executableURL = URL(filePath: try #require(interpreter))
        let script = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "other_client.py")
        process.arguments = [script.path()] + arguments
        let (output, errors) = (Pipe(), Pipe())
        process.standardOutput = output
        process.standardError = errors
        try process.run()
        let reading = Task.detached { try output.fileHandleForReading.readToEnd() ?? Data() }
        let complaints = try await Task.detached { try errors.fileHandleForReading.readToEnd() ?? Data() }.value
        let bytes = try await reading.value
        process.waitUntilExit()
        #expect(process.terminationStatus == 0, "\(String(decoding: complaints, as: UTF8.self))")
        return try bytes.split(separator: UInt8(ascii: "\n")).map { try JSONDecoder().decode(Line.self, from: $0) }
    }

    static func compression(_ codec: String) -> ProducerConfiguration.Compression {
        switch codec {
        case "gzip": .gzip()
        case "snappy": .snappy
        case "lz4": .lz4()
        case "zstd": .zstd()
        default: .none
        }
    }

    static func record(_ index: Int, _ topic: String) -> ProducerRecord {
        var record = EndToEndTests.variedRecord(index)
        record.topic = topic
        record.partition = Int32(index % partitions)
        return record
    }

    @Test(arguments: ["none", "gzip", "snappy", "lz4", "zstd"])
    func othersReadWhatTheLibraryWrites(codec: String) async throws {
        let broker = try RealBroker(["num.partitions": "\(Self.partitions)"])
        var configuration = ProducerConfiguration(client: broker.client)
        configuration.compression = Self.compression(codec)
        let producer = try Producer(configuration)
        let sent = (0..<300).map { Self.record($0, "t") }
        for record in sent { try await producer.enqueue(record) }
        try await producer.close()
        var expected: [Line] = []
        for partition in 0..<Self.partitions {
            let own = sent.filter { $0.partition == Int32(partition) }
            for (offset, record) in own.enumerated() {
                expected.append(Line(record, partition: Int32(partition), offset: Int64(offset)))
            }
        }
        for name in Self.names {
            let read = try await other("read", name, "\(broker.address)", "t", "\(Self.partitions)")
            #expect(read == expected, "\(name) reads something else")
        }
    }

    @Test(arguments: ["none", "gzip", "snappy", "lz4", "zstd"], names)
    func libraryReadsWhatOthersWrite(codec: String, name: String) async throws {
        let broker = try RealBroker(["num.partitions": "\(Self.partitions)"])
        let sent = try await other("write", name, "\(broker.address)", "t", "\(Self.partitions)", codec)
        #expect(sent.count == 300)
        var configuration = ConsumerConfiguration(
            client: broker.client,
            assignments: [Assignment(topic: "t", start: .beginning)]
        )
        configuration.stopsAtEnd = true
        let consumer = Consumer(configuration)
        var read: [Line] = []
        for try await record in consumer {
            #expect(record.timestamp > 1_600_000_000_000)
            read.append(Line(record, timestamp: -1))
        }
        await consumer.close()
        #expect(read.sorted { ($0.partition, $0.offset) < ($1.partition, $1.offset) } == sent)
    }
}
