import ArgumentParser
import MartletClient

/// `martlet consume`: writes records to standard output. A value.
struct Consume: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write a topic's records to standard output.",
        discussion: """
            Where to begin (--from): beginning, end, an offset, -N for the last N records of each partition, or @TIME for \
            the first record of that time or later. TIME is in milliseconds since 1970 or ISO 8601, for example \
            @2026-01-31T12:00Z; without a zone it is UTC. The default is end, and with -e beginning.

            Format letters (-f), as in kcat: %t topic, %p partition, %o offset, %T timestamp, %k key, %K its length, \
            %s value, %S its length, %R its length in four bytes, %h headers, %% a percent sign, and \\n \\r \\t \\0 \\\\ \
            \\xNN. Without -f or --json, each value is written with a newline behind it.

            With --group, it shares the topics with the group's other members, of whatever client, and goes on where the \
            group has come to; --from counts only where the group has committed nothing. What is written to standard \
            output is committed every second. Who reads what is told on standard error. SIGINT and SIGTERM commit and \
            leave the group.

            Examples:
              martlet consume greetings -e
              martlet consume orders --group billing --from beginning
              martlet consume --group audit --pattern 'orders-.*' --assignor cooperative-sticky
              martlet consume orders --from -10 -f '%p %o %k: %s\\n'
              martlet consume orders --from @2026-01-31 --json | jq .value

            SIGINT and SIGTERM end it with status 0.
            """
    )

    @OptionGroup var connection: ConnectionOptions

    @OptionGroup var group: GroupOptions

    @Argument(help: "The topics.")
    var topics: [String] = []

    @Option(
        name: [.customLong("from"), .customShort("o")],
        parsing: .unconditional,
        help: ArgumentHelp("Where to begin.", valueName: "beginning|end|offset|-N|@time")
    )
    var from: StartOption?

    @Option(name: .shortAndLong, help: "A partition; may be repeated (default: all).")
    var partition: [Int32] = []

    @Option(name: .shortAndLong, help: "End after this many records.")
    var count: Int?

    @Flag(name: [.customShort("e"), .customLong("exit-at-end")], help: "End behind the newest records of the start.")
    var exitAtEnd = false

    @Option(name: [.customShort("f"), .customLong("format")], help: "How to write a record; see above.")
    var format: String?

    @Flag(help: "Write each record as a JSON object on one line.")
    var json = false

    @Flag(name: .shortAndLong, help: "Write each record at once, not in larger pieces.")
    var unbuffered = false

    @Flag(help: "Leave out the records of transactions that are open or were aborted.")
    var committed = false

    func validate() throws {
        if topics.isEmpty == (group.pattern == nil) {
            throw ValidationError(topics.isEmpty ? "name a topic" : "--pattern stands in place of topics")
        }
        if group.group != nil, !partition.isEmpty {
            throw ValidationError("--partition and --group exclude each other: a group shares out the partitions")
        }
        if let count, count < 1 { throw ValidationError("--count is \(count), but must be at least 1") }
        if json, format != nil { throw ValidationError("--json and --format exclude each other") }
        if let format {
            do throws(FormatTemplate.Problem) { _ = try FormatTemplate(format) } catch {
                throw ValidationError(error.description)
            }
        }
    }

    func run() async throws {
        let template = try format.map(FormatTemplate.init) ?? .plain
        let isMember = group.group != nil
        let gate = WritingGate()
        try await Outcome.report {
            let consumer = Consumer(try consumerConfiguration(gate))
            let printer = RecordPrinter(
                template: json ? nil : template,
                isUnbuffered: unbuffered,
                storesOffsets: isMember,
                gate: gate
            )
            let writing = Writing { try await printer.write(consumer, atMost: count) }
            Interrupts.watch { writing.stop(consumer, isMember: isMember) }
            do {
                try await writing.end()
            } catch {
                await consumer.close()
                throw error
            }
            await consumer.close()
        }
    }

    private var start: StartPosition { from?.position ?? (exitAtEnd ? .beginning : .end) }

    private func consumerConfiguration(_ gate: WritingGate) throws(ClientError) -> ConsumerConfiguration {
        let client = try connection.configuration()
        var configuration: ConsumerConfiguration
        if var group = group.configuration(topics: topics, start: start) {
            group.onRebalance = { rebalance in await Self.tell(rebalance, gate) }
            configuration = ConsumerConfiguration(client: client, group: group)
        } else {
            configuration = ConsumerConfiguration(
                client: client,
                assignments: topics.map { topic in
                    Assignment(topic: topic, partitions: partition.isEmpty ? nil : partition, start: start)
                }
            )
            // A wrong offset is a mistake to be told; a beginning that retention overtakes is not.
            if case .offset = start {} else { configuration.outOfRange = .beginning }
        }
        configuration.stopsAtEnd = exitAtEnd
        configuration.isolation = committed ? .readCommitted : .readUncommitted
        return configuration
    }

    /// Says who reads what, and lets what is being written come to its end before others read on.
    private static func tell(_ rebalance: GroupConfiguration.Rebalance, _ gate: WritingGate) async {
        switch rebalance {
        case .assigned(let partitions):
            StandardError.line(
                "martlet: assigned " + (partitions.isEmpty ? "nothing" : PartitionSelection.text(partitions))
            )
        case .revoked(let partitions):
            await gate.wait()
            StandardError.line("martlet: revoked " + PartitionSelection.text(partitions))
        case .lost(let partitions): StandardError.line("martlet: lost " + PartitionSelection.text(partitions))
        }
    }
}

/// The writing of records as a task that signals may end. Immutable.
private struct Writing: Sendable {
    private let task: Task<Void, any Error>

    init(_ body: sending @escaping () async throws -> Void) { task = Task { try await body() } }

    /// A member of a group ends between two batches, so that it commits all it has written; others deliver what they have
    /// fetched, and end.
    func stop(_ consumer: Consumer, isMember: Bool) {
        if isMember { task.cancel() } else { Task { await consumer.close() } }
    }

    func end() async throws {
        do { try await task.value } catch let error as ClientError where error.kind == .cancelled { return }
    }
}
