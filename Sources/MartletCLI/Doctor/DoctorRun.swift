import MartletClient
import Model

/// One run of `martlet doctor`: the way to the broker, and what it tells clients. Immutable.
struct DoctorRun {
    typealias Report = (Diagnosis) throws -> Void

    let client: ClientConfiguration
    /// Whether a topic may be made.
    let writes: Bool

    /// Looks at everything. Returns whether a broker could be reached at all.
    func check(_ report: Report) async throws -> Bool {
        var reached: BrokerAddress?
        for address in client.bootstrap {
            if try await checkAddress(address, report) { reached = reached ?? address }
        }
        guard let reached else { return false }
        let admin = Admin(configuration(reached))
        do {
            try await checkVersions(admin, report)
            let brokers = try await checkAdvertised(admin, reached, report)
            try await checkOutside(reached, report)
            for broker in brokers { try await checkDisks(admin, broker, report) }
            try await checkHealth(admin, report)
            try checkLimits(reached, report)
            if writes { try await checkWriting(report, reached) }
            await admin.close()
        } catch {
            await admin.close()
            throw error
        }
        return true
    }

    func configuration(_ address: BrokerAddress) -> ClientConfiguration {
        var configuration = client
        configuration.bootstrap = [address]
        return configuration
    }

    /// Name, connection, protocol.
    private func checkAddress(_ address: BrokerAddress, _ report: Report) async throws -> Bool {
        let numbers: [String]
        do throws(NetworkProbe.Failure) { numbers = try NetworkProbe.resolve(address) } catch {
            try report(
                Diagnosis(
                    status: .failure,
                    check: "name",
                    message: "'\(address.host)' has no address: \(error.message)",
                    remedy: "check the spelling, or whether this machine's DNS knows the name; an IP address works too"
                )
            )
            return false
        }
        if numbers != [address.host] {
            try report(.ok("name", "\(address.host) is \(numbers.joined(separator: ", "))"))
        }
        let duration: Duration
        do throws(NetworkProbe.Failure) { duration = try NetworkProbe.connect(address) } catch {
            try report(
                Diagnosis(
                    status: .failure,
                    check: "connect",
                    message: "\(address) cannot be connected to: \(error.message)",
                    remedy: "is the broker running there, on this port, and listening on more than 127.0.0.1? "
                        + "Else a firewall or a port mapping is in the way"
                )
            )
            return false
        }
        try report(.ok("connect", "\(address) accepts connections (\(milliseconds(duration)))"))
        return try await checkProtocol(address, report)
    }

    private func checkProtocol(_ address: BrokerAddress, _ report: Report) async throws -> Bool {
        let admin = Admin(configuration(address))
        let start = SystemTime().instant
        let outcome: Result<[APISupport], ClientError>
        do throws(ClientError) { outcome = .success(try await admin.apiSupport()) } catch { outcome = .failure(error) }
        let duration = start.duration(to: SystemTime().instant)
        await admin.close()
        switch outcome {
        case .success:
            try report(.ok("protocol", "\(address) speaks Kafka's protocol (\(milliseconds(duration)))"))
            return true
        case .failure(let error):
            try report(Diagnosis(status: .failure, check: "protocol", message: error.message, remedy: error.hint))
            return false
        }
    }

    private func checkVersions(_ admin: Admin, _ report: Report) async throws {
        let apis = try await admin.apiSupport()
        let missing = apis.filter { $0.isRequired && $0.common == nil }
        guard missing.isEmpty else {
            for api in missing {
                let theirs = api.broker.map { "\($0.lowerBound) to \($0.upperBound)" } ?? "none"
                try report(
                    Diagnosis(
                        status: .failure,
                        check: "versions",
                        message: "\(api.name): the broker speaks \(theirs), this client \(api.client.lowerBound) to "
                            + "\(api.client.upperBound)",
                        remedy: "use a client and a broker whose versions are closer to each other"
                    )
                )
            }
            return
        }
        let optional = apis.filter { !$0.isRequired && $0.common == nil }.map(\.name)
        try report(
            .ok("versions", "all \(apis.count { $0.isRequired }) APIs that clients need have a version in common")
        )
        if !optional.isEmpty {
            try report(
                Diagnosis(
                    status: .note,
                    check: "versions",
                    message: "the broker lacks \(optional.joined(separator: ", "))"
                )
            )
        }
    }

    func milliseconds(_ duration: Duration) -> String {
        decimal(Double(duration.wholeNanoseconds) / 1e6, digits: 2) + " ms"
    }
}
