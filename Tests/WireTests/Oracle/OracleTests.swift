import Foundation
import Model
import NIOCore
import Testing

@testable import Wire

/// Compares every message at every version with independent implementations of the protocol.
///
/// The other side are Python libraries, so these tests need an interpreter that has them: `MARTLET_TEST_PYTHON` names
/// it. `scripts/test` always sets it; without it, as in a plain `swift test`, the tests are skipped.
@Suite(
    .enabled(if: Oracle.interpreter != nil, "MARTLET_TEST_PYTHON names no Python with the libraries to compare with")
)
struct OracleTests {
    @Test func allMessagesAreWrittenAndReadAsByKafkaPython() throws {
        try Oracle.compare(with: "compare_with_kafka_python.py")
    }

    @Test func allMessagesAreWrittenAndReadAsByKio() throws {
        try Oracle.compare(with: "compare_with_kio.py")
    }

    @Test func allErrorCodesAreThoseOfKio() throws {
        let codes = (Int16(-200)...200).map { ErrorCode(rawValue: $0) }.filter { !$0.name.hasPrefix("ERROR_") }
        let lines = codes.map { code in
            WireDescription.object([
                ("code", .int(Int64(code.rawValue))),
                ("name", .string(code.name)),
                ("isRetriable", .bool(code.isRetriable)),
            ]).json
        }
        let outcome = try Oracle.run("compare_errors_with_kio.py", lines: lines)
        #expect(outcome.status == 0, "\(outcome.output)")
    }

    /// The comparison itself can fail: a sample whose bytes were changed is noticed.
    @Test(arguments: ["compare_with_kafka_python.py", "compare_with_kio.py"])
    func aWrongByteIsNoticed(script: String) throws {
        let kind = try #require(WireCatalogue.all.first { $0.api.key == .listOffsets && $0.isRequest })
        let sample = try kind.sample(seed: 3, version: 7)
        var bytes = try kind.write(sample, version: 7)
        let first: UInt8 = try #require(bytes.getInteger(at: bytes.readerIndex))
        bytes.setInteger(first ^ 1, at: bytes.readerIndex)
        let line = try Oracle.line(kind, version: 7, seed: 3, tree: kind.describe(sample, version: 7), bytes: bytes)
        let outcome = try Oracle.run(script, lines: [line], arguments: ["--partial"])
        #expect(outcome.status == 1, "\(outcome.output)")
    }
}

/// Runs the scripts next to this file. Stateless.
enum Oracle {
    static let seeds: Range<UInt64> = 0..<20

    static var interpreter: String? { ProcessInfo.processInfo.environment["MARTLET_TEST_PYTHON"] }

    static func compare(with script: String) throws {
        // Nobody else has our own APIs.
        let lines = try WireCatalogue.all.filter { !$0.api.key.isPrivate }.flatMap(lines(of:))
        let outcome = try run(script, lines: lines)
        print(outcome.output)
        #expect(outcome.status == 0, "\(outcome.output)")
    }

    /// The defaults and the samples of one kind of message in every version.
    private static func lines(of kind: MessageKind) throws -> [String] {
        try kind.api.versions.flatMap { version in
            let defaults = try kind.describeDefaults(version: version)
            let samples = try seeds.map { seed in
                let sample = try kind.sample(seed: seed, version: version)
                return try line(
                    kind,
                    version: version,
                    seed: seed,
                    tree: kind.describe(sample, version: version),
                    bytes: kind.write(sample, version: version)
                )
            }
            return [line(kind, version: version, seed: nil, tree: defaults, bytes: nil)] + samples
        }
    }

    /// A message as the scripts read it; without seed and bytes, the defaults of a message.
    static func line(
        _ kind: MessageKind,
        version: Int16,
        seed: UInt64?,
        tree: WireDescription,
        bytes: ByteBuffer?
    ) -> String {
        WireDescription.object([
            ("api", .string(kind.api.name)),
            ("key", .int(Int64(kind.api.key.rawValue))),
            ("kind", .string(kind.isRequest ? "request" : "response")),
            ("version", .int(Int64(version))),
            ("seed", seed.map { .int(Int64($0)) } ?? .null),
            ("tree", tree),
            ("hex", bytes.map { .string(hex($0)) } ?? .null),
        ]).json
    }

    static func run(
        _ script: String,
        lines: [String],
        arguments: [String] = []
    ) throws -> (status: Int32, output: String) {
        let samples = FileManager.default.temporaryDirectory.appending(path: "martlet-oracle-\(UUID()).jsonl")
        try lines.joined(separator: "\n").write(to: samples, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(at: samples) }
        let process = Process()
        process.executableURL = URL(filePath: try #require(interpreter))
        let directory = URL(filePath: #filePath).deletingLastPathComponent()
        process.arguments = [directory.appending(path: script).path(), samples.path()] + arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let output = try pipe.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: output, as: UTF8.self))
    }
}
