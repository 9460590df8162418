import Foundation
import Testing

@testable import MartletClient

/// The example program of the README, as a user runs it.
@Suite struct ExampleTests {
    func run(_ broker: RealBroker) async throws -> (output: String, status: Int32) {
        // Beside the tests' own program, where the build puts it.
        let tests = try #require(CommandLine.arguments.first)
        let directory = URL(filePath: tests).deletingLastPathComponent()
        let process = Process()
        process.executableURL = directory.appending(path: "orders")
        process.arguments = ["\(broker.address)"]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let bytes = try await Task.detached { try output.fileHandleForReading.readToEnd() ?? Data() }.value
        process.waitUntilExit()
        return (String(decoding: bytes, as: UTF8.self), process.terminationStatus)
    }

    @Test func exampleDoesWhatItSays() async throws {
        let broker = try RealBroker(["group.initial.rebalance.delay.ms": "0"])
        let first = try await run(broker)
        #expect(first.status == 0)
        #expect(
            first.output == """
                stored in orders partition 0 at offset 0
                stored in orders partition 0 at offset 1
                stored in orders partition 0 at offset 2
                billing anna for espresso
                billing bo for tea
                billing anna for water

                """
        )
        let second = try await run(broker)
        #expect(second.output.contains("at offset 3"))
        #expect(second.output.hasSuffix("billing anna for espresso\nbilling bo for tea\nbilling anna for water\n"))
    }
}
