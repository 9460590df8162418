import MartletClient

extension DoctorRun {
    /// Where the cluster tells clients to go, and whether that can be reached from here.
    ///
    /// - Returns: The brokers' ids.
    func checkAdvertised(_ admin: Admin, _ reached: BrokerAddress, _ report: Report) async throws -> [Int32] {
        let cluster = try await admin.describeCluster()
        let controller = cluster.controller.map { ", controller \($0)" } ?? ""
        try report(.ok("cluster", "id \(cluster.id ?? "unknown"), \(cluster.brokers.count) brokers\(controller)"))
        for broker in cluster.brokers {
            let kind = HostKind(broker.address.host)
            let same = broker.address == reached ? ", the address that was asked" : ""
            let place = "broker \(broker.id) tells clients to connect to \(broker.address)\(same)"
            do throws(NetworkProbe.Failure) { _ = try NetworkProbe.connect(broker.address) } catch {
                try report(
                    Diagnosis(
                        status: .failure,
                        check: "advertised",
                        message: "\(place), which cannot be reached from here: \(error.message)",
                        remedy: "set advertised.listeners to an address that clients can reach, or leave it out: "
                            + "Martlet then tells each client the address that it came to"
                    )
                )
                continue
            }
            // Whoever came to another address than loopback is sent to where only the broker's own machine gets.
            let isTrap = kind == .unspecified || (kind == .loopback && HostKind(reached.host) != .loopback)
            try report(
                Diagnosis(
                    status: isTrap ? .failure : .ok,
                    check: "advertised",
                    message: isTrap ? "\(place): \(kind.reach)" : place,
                    remedy: isTrap ? "set advertised.listeners to an address that clients can reach" : nil
                )
            )
        }
        return cluster.brokers.map(\.id)
    }

    /// What a client on another machine would see.
    func checkOutside(_ reached: BrokerAddress, _ report: Report) async throws {
        let numbers: [String]
        do throws(NetworkProbe.Failure) { numbers = try NetworkProbe.resolve(reached) } catch { return }
        let interfaces = NetworkProbe.interfaces()
        let isLocal = numbers.contains { HostKind($0) == .loopback || interfaces.contains($0) }
        guard isLocal else {
            let kind = HostKind(reached.host)
            try report(Diagnosis(status: .note, check: "outside", message: "\(reached): \(kind.reach)"))
            return
        }
        if interfaces.isEmpty {
            try report(Diagnosis(status: .note, check: "outside", message: "this machine has no address but loopback"))
        }
        for interface in interfaces {
            try await checkOutside(BrokerAddress(host: interface, port: reached.port), reached, report)
        }
    }

    /// As a client would that comes to one of this machine's addresses.
    private func checkOutside(_ address: BrokerAddress, _ reached: BrokerAddress, _ report: Report) async throws {
        do throws(NetworkProbe.Failure) { _ = try NetworkProbe.connect(address) } catch {
            try report(
                Diagnosis(
                    status: .note,
                    check: "outside",
                    message: "a client that comes to \(address) gets: \(error.message). Only programs on this machine "
                        + "reach the broker",
                    remedy: "if others shall: martlet serve --listen 0.0.0.0:\(reached.port)"
                )
            )
            return
        }
        let admin = Admin(configuration(address))
        let outcome: Result<[BrokerAddress], ClientError>
        do throws(ClientError) { outcome = .success(try await admin.describeCluster().brokers.map(\.address)) } catch {
            outcome = .failure(error)
        }
        await admin.close()
        switch outcome {
        case .failure(let error):
            try report(
                Diagnosis(
                    status: .warning,
                    check: "outside",
                    message: "\(address): \(error.message)",
                    remedy: error.hint
                )
            )
        case .success(let told):
            let isTrap = told.contains { [.loopback, .unspecified].contains(HostKind($0.host)) }
            let list = told.map(\.description).joined(separator: ", ")
            let reach = told.first.map { HostKind($0.host).reach } ?? "no broker"
            try report(
                Diagnosis(
                    status: isTrap ? .failure : .ok,
                    check: "outside",
                    message: "a client that comes to \(address) is told to connect to \(list): \(reach)",
                    remedy: isTrap ? "set advertised.listeners to an address that clients can reach" : nil
                )
            )
        }
    }
}
