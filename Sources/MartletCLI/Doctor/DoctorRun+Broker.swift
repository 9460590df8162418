import Broker
import Glibc
import MartletClient
import Model

extension DoctorRun {
    /// Below these shares of its disk a directory is worth a word.
    private static let littleSpace = 0.1
    private static let noSpace = 0.03
    /// Clocks that are further apart make times of records, and what retention does to them, hard to understand.
    private static let toleratedSkew = Duration.milliseconds(500)
    private static let intolerableSkew = Duration.seconds(60)
    /// What a broker wants to open; with less it works, and opens and closes files more often.
    private static let enoughFiles = 10_000

    func checkDisks(_ admin: Admin, _ broker: Int32, _ report: Report) async throws {
        let directories: [LogDirectory]
        do throws(ClientError) { directories = try await admin.logDirectories(of: broker) } catch {
            try report(Diagnosis(status: .unknown, check: "disk", message: "broker \(broker): \(error.message)"))
            return
        }
        for directory in directories { try report(Self.finding(directory, broker: broker)) }
    }

    static func finding(_ directory: LogDirectory, broker: Int32) -> Diagnosis {
        let place = "broker \(broker), \(directory.path)"
        if let failure = directory.failure {
            return Diagnosis(
                status: .failure,
                check: "disk",
                message: "\(place): \(failure.message)",
                remedy: "see 'martlet health' and the broker's log; the disk may be failing"
            )
        }
        let held = "\(directory.partitions) partitions with \(Quantity.bytes(Int(clamping: directory.usedBytes)))"
        guard let total = directory.totalBytes, let usable = directory.usableBytes, total > 0 else {
            return Diagnosis(
                status: .note,
                check: "disk",
                message: "\(place): \(held); it does not say how full the disk is"
            )
        }
        let room =
            "\(Quantity.bytes(Int(clamping: usable))) of \(Quantity.bytes(Int(clamping: total))) may still be written"
        let share = Double(usable) / Double(total)
        let status: Diagnosis.Status = share < noSpace ? .failure : share < littleSpace ? .warning : .ok
        return Diagnosis(
            status: status,
            check: "disk",
            message: "\(place): \(held), \(room)",
            remedy: status == .ok ? nil : "delete topics, shorten retention.ms or retention.bytes, or enlarge the disk"
        )
    }

    func checkHealth(_ admin: Admin, _ report: Report) async throws {
        let health: HealthReport
        do throws(ClientError) { health = try await admin.describeHealth() } catch {
            let isOther = error.kind == .unsupported
            let message = isOther ? "the broker is no Martlet and does not say how it is" : error.message
            try report(Diagnosis(status: isOther ? .note : .unknown, check: "health", message: message))
            return
        }
        if health.problems.isEmpty {
            try report(.ok("health", "\(health.topics) topics with \(health.partitions) partitions, nothing is wrong"))
        }
        for problem in health.problems {
            try report(
                Diagnosis(
                    status: problem.status == .failing ? .failure : .warning,
                    check: "health",
                    message: "\(problem.kind): \(problem.subject): \(problem.reason)",
                    remedy: problem.remedy
                )
            )
        }
    }

    /// The limits of this machine, which are the broker's if it runs here.
    func checkLimits(_ reached: BrokerAddress, _ report: Report) throws {
        let numbers: [String]
        do throws(NetworkProbe.Failure) { numbers = try NetworkProbe.resolve(reached) } catch { return }
        let interfaces = NetworkProbe.interfaces()
        guard numbers.contains(where: { HostKind($0) == .loopback || interfaces.contains($0) }) else {
            try report(
                Diagnosis(
                    status: .unknown,
                    check: "limits",
                    message: "the broker runs elsewhere: run this there to see its machine's limits"
                )
            )
            return
        }
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        FileLimits.raise()
        let shares = FileLimits(logFiles: nil)
        let files = Int(clamping: limit.rlim_max)
        try report(
            Diagnosis(
                status: files < Self.enoughFiles ? .warning : .ok,
                check: "limits",
                message: "a broker started from this shell may open \(Quantity.count(files)) files: "
                    + "\(Quantity.count(shares.connections)) connections and \(Quantity.count(shares.logFiles)) files of logs "
                    + "at once",
                remedy: files < Self.enoughFiles ? "raise it: ulimit -Hn, or LimitNOFILE= of the service" : nil
            )
        )
    }

    /// Sends a record through, and compares the clocks by the time that the broker gives it.
    func checkWriting(_ report: Report, _ reached: BrokerAddress) async throws {
        let name = "martlet-doctor-\(String(UInt64.random(in: .min ... .max), radix: 36))"
        let admin = Admin(configuration(reached))
        do throws(ClientError) {
            let configs = ["message.timestamp.type": "LogAppendTime"]
            _ = try await admin.createTopic(NewTopic(name: name, partitions: 1, configs: configs))
        } catch {
            await admin.close()
            try report(
                Diagnosis(
                    status: .failure,
                    check: "write",
                    message: "no topic can be made: \(error.message)",
                    remedy: error.hint ?? "--read-only leaves this check out"
                )
            )
            return
        }
        let outcome = await sendThrough(name, reached)
        do throws(ClientError) { try await admin.deleteTopic(name) } catch {
            try report(
                Diagnosis(status: .warning, check: "write", message: "topic '\(name)' is left behind: \(error.message)")
            )
        }
        await admin.close()
        switch outcome {
        case .failure(let error):
            try report(Diagnosis(status: .failure, check: "write", message: error.message, remedy: error.hint))
        case .success(let passage): for finding in Self.findings(passage) { try report(finding) }
        }
    }

    /// A record's way: when it was sent and acknowledged by this machine's clock, and when it was appended by the broker's.
    struct Passage: Equatable, Sendable {
        let sent: Int64
        let acknowledged: Int64
        let appended: Int64?
        /// Whether what was sent came back.
        let wasRead: Bool
    }

    private func sendThrough(_ topic: String, _ reached: BrokerAddress) async -> Result<Passage, ClientError> {
        let client = configuration(reached)
        do throws(ClientError) {
            let producer = try Producer(ProducerConfiguration(client: client))
            // The first finds the way, the second is measured.
            _ = try await producer.send(ProducerRecord(topic: topic, value: "doctor"))
            let sent = SystemTime().now.milliseconds
            let stored = try await producer.send(ProducerRecord(topic: topic, value: "doctor"))
            let acknowledged = SystemTime().now.milliseconds
            try await producer.close()
            var configuration = ConsumerConfiguration(
                client: client,
                assignments: [Assignment(topic: topic, start: .beginning)]
            )
            configuration.stopsAtEnd = true
            let consumer = Consumer(configuration)
            var records = consumer.makeAsyncIterator()
            var count = 0
            while let batch = try await records.nextBatch() { count += batch.count }
            await consumer.close()
            return .success(
                Passage(sent: sent, acknowledged: acknowledged, appended: stored.logAppendTime, wasRead: count == 2)
            )
        } catch {
            return .failure(error)
        }
    }

    static func findings(_ passage: Passage) -> [Diagnosis] {
        let took = "\(passage.acknowledged - passage.sent) ms"
        let way =
            passage.wasRead
            ? Diagnosis.ok("write", "records are stored, after \(took), and can be read")
            : Diagnosis(status: .failure, check: "write", message: "records are acknowledged, but cannot be read")
        guard let appended = passage.appended else {
            return [way, Diagnosis(status: .unknown, check: "clock", message: "the broker does not tell its time")]
        }
        // Anywhere between sending and answer is no difference.
        let ahead = appended > passage.acknowledged ? appended - passage.acknowledged : min(0, appended - passage.sent)
        let skew = Duration.milliseconds(abs(ahead))
        guard skew > toleratedSkew else {
            return [way, .ok("clock", "the broker's clock is this machine's, to \(max(1, abs(ahead))) ms")]
        }
        return [
            way,
            Diagnosis(
                status: skew > intolerableSkew ? .failure : .warning,
                check: "clock",
                message:
                    "the broker's clock is \(Quantity.age(milliseconds: abs(ahead))) \(ahead > 0 ? "ahead of" : "behind") "
                    + "this machine's: times of records, retention and look-ups by time go wrong by as much",
                remedy: "let both machines set their clocks by NTP"
            ),
        ]
    }
}
