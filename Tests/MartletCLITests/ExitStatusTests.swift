import ArgumentParser
import Model
import Testing

@testable import MartletCLI
@testable import MartletClient

@Suite struct ExitStatusTests {
    @Test func theHelpNamesEveryStatus() {
        let help = MartletCommand.helpMessage(columns: 200)
        for status in ExitStatus.allCases { #expect(help.contains("\(status.rawValue)  \(status.meaning)")) }
    }

    @Test(
        arguments: [
            (.topicAuthorizationFailed, .denied), (.groupAuthorizationFailed, .denied),
            (.clusterAuthorizationFailed, .denied),
            (.saslAuthenticationFailed, .denied), (.unknownTopicOrPartition, .failure), (.topicAlreadyExists, .failure),
        ] as [(ErrorCode, MartletCLI.ExitStatus)]
    )
    func whatABrokerDeniesIsToldApart(code: ErrorCode, status: MartletCLI.ExitStatus) {
        let error = ClientError(code: code, context: "topic 't'")
        #expect(ExitStatus(error) == status)
        #expect(error.description.contains("hint: "))
    }

    @Test func failuresOnTheWayAreToldApart() {
        #expect(ExitStatus(ClientError(.connection, "")) == .unreachable)
        #expect(ExitStatus(ClientError(.timeout, "")) == .unreachable)
        #expect(ExitStatus(ClientError(.protocolViolation, "")) == .incompatible)
        #expect(ExitStatus(ClientError(.unsupported, "")) == .incompatible)
    }

    @Test func wrongAddressesAreNoFailureOfConnecting() throws {
        let error = #expect(throws: ClientError.self) { try ClientConfiguration(bootstrap: "a:b") }
        if let error { #expect(ExitStatus(error) == .failure) }
    }
}
