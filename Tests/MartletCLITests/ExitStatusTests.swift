import ArgumentParser
import MartletClient
import Testing

@testable import MartletCLI

@Suite struct ExitStatusTests {
    @Test func theHelpNamesEveryStatus() {
        let help = MartletCommand.helpMessage(columns: 200)
        for status in ExitStatus.allCases { #expect(help.contains("\(status.rawValue)  \(status.meaning)")) }
    }

    @Test func wrongAddressesAreNoFailureOfConnecting() throws {
        let error = #expect(throws: ClientError.self) { try ClientConfiguration(bootstrap: "a:b") }
        if let error { #expect(ExitStatus(error) == .failure) }
    }
}
