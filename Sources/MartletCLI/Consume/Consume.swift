import ArgumentParser
import MartletClient
import Model

/// `martlet consume`: writes records to standard output. A value.
struct Consume: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write a topic's records to standard output.",
        discussion: """
            Where to begin (--from): beginning, end, an offset, -N for the last N records of each partition, or @TIME for \
            the first record of that time or later. TIME is in milliseconds since 1970 or ISO 8601, for example \
            @2026-01-31T12:00Z; without a zone it is UTC. The default is end, and beginning with -e and --until.

            Where to end: nowhere, but with -e behind the newest records of the start; with --until in front of an offset \
            or of the first record of a time; a time to come is waited for. --offsets 100..199 reads these hundred of \
            each partition, as far as they are there, 100.. up to the newest.

            Which records: --grep, --key and --header take regular expressions, which must match somewhere. Each may be \
            repeated, and then one of them must match; of different kinds all must. -c counts what is written.

            Format letters (-f), as in kcat: %t topic, %p partition, %o offset, %T timestamp, %k key, %K its length, \
            %s value, %S its length, %R its length in four bytes, %h headers, %% a percent sign, and \\n \\r \\t \\0 \\\\ \
            \\xNN. Without -f or --json, each value is written with a newline behind it. JSON says where bytes are no \
            UTF-8 and so are in base 64; 'martlet produce --input json' reads it.

            With --group, it shares the topics with the group's other members, of whatever client, and goes on where the \
            group has come to; --from counts only where the group has committed nothing. What is written to standard \
            output is committed every second. Who reads what is told on standard error. SIGINT and SIGTERM commit and \
            leave the group.

            Examples:
              martlet consume greetings -e
              martlet consume orders payments --follow --json
              martlet consume --pattern 'orders-.*' -e -f '%t %p %o\\n'
              martlet consume orders --offsets 1000..1099 --partition 3
              martlet consume orders --from @2026-01-31 --until @2026-02-01
              martlet consume orders -e --grep 'refund|chargeback' --header 'region=eu'
              martlet consume orders --group billing --from beginning
              martlet consume orders --from -10 -f '%p %o %k: %s\\n'

            SIGINT and SIGTERM end it with status 0.
            """
    )

    @OptionGroup var connection: ConnectionOptions

    @OptionGroup var group: GroupOptions

    @Argument(help: "The topics.", completion: .topics)
    var topics: [String] = []

    @OptionGroup var range: RangeOptions

    @Option(name: .shortAndLong, help: "A partition; may be repeated (default: all).")
    var partition: [Int32] = []

    @Option(name: .shortAndLong, help: "End after this many records.")
    var count: Int?

    @OptionGroup var filter: FilterOptions

    @Option(name: [.customShort("f"), .customLong("format")], help: "How to write a record; see above.")
    var format: String?

    @Flag(help: "Write each record as a JSON object on one line.")
    var json = false

    @Flag(help: "Write keys, values and the values of headers in base 64.")
    var base64 = false

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
        if group.group != nil, range.isBounded {
            throw ValidationError(
                "--until and --offsets have no place beside --group, which knows where it has come to"
            )
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
            let now = SystemTime().now.milliseconds
            let consumer = Consumer(try await consumerConfiguration(gate, now: now))
            let layout = RecordLayout(template: json ? nil : template, isBase64: base64, isUnbuffered: unbuffered)
            let printer = RecordPrinter(layout, filter: try filter.filter(), storesOffsets: isMember, gate: gate)
            let writing = Writing { try await printer.write(consumer, atMost: count) }
            Interrupts.watch { writing.stop(consumer, isMember: isMember) }
            if let deadline = range.deadline(now: now) { writing.stop(consumer, in: .milliseconds(deadline - now)) }
            do {
                try await writing.end()
            } catch {
                await consumer.close()
                throw error
            }
            await consumer.close()
        }
    }

    private func consumerConfiguration(_ gate: WritingGate, now: Int64) async throws -> ConsumerConfiguration {
        let client = try connection.configuration()
        var configuration: ConsumerConfiguration
        if var group = group.configuration(topics: topics, start: range.start) {
            group.onRebalance = { rebalance in await Self.tell(rebalance, gate) }
            configuration = ConsumerConfiguration(client: client, group: group)
        } else {
            configuration = ConsumerConfiguration(client: client, assignments: try await assignments(client, now: now))
            // A wrong offset is a mistake to be told; a beginning that retention overtakes is not.
            if case .offset = range.start {} else { configuration.outOfRange = .beginning }
        }
        configuration.stopsAtEnd = range.stopsAtEnd
        configuration.isolation = committed ? .readCommitted : .readUncommitted
        return configuration
    }

    private func assignments(_ client: ClientConfiguration, now: Int64) async throws -> [Assignment] {
        var names = topics
        if let pattern = group.pattern { names = try await ReadingPlan.topics(matching: pattern, client) }
        if range.isBounded {
            return try await ReadingPlan.bounded(range, topics: names, partitions: partition, now: now, client)
        }
        return names.map { topic in
            Assignment(topic: topic, partitions: partition.isEmpty ? nil : partition, start: range.start)
        }
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

    /// The same after a while, unless it has ended before.
    func stop(_ consumer: Consumer, in pause: Duration) {
        Task {
            do { try await Task.sleep(for: pause) } catch { return }
            await consumer.close()
        }
    }

    func end() async throws {
        do { try await task.value } catch let error as ClientError where error.kind == .cancelled { return }
    }
}
