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

            Examples:
              martlet consume greetings -e
              martlet consume orders --from -10 -f '%p %o %k: %s\\n'
              martlet consume orders --from @2026-01-31 --json | jq .value

            SIGINT and SIGTERM end it with status 0.
            """
    )

    @OptionGroup var connection: ConnectionOptions

    @Argument(help: "The topics.")
    var topics: [String]

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
        try await Outcome.report {
            let consumer = Consumer(try consumerConfiguration())
            Interrupts.watch { Task { await consumer.close() } }
            let printer = RecordPrinter(template: json ? nil : template, isUnbuffered: unbuffered)
            do {
                try await printer.write(consumer, atMost: count)
            } catch {
                await consumer.close()
                throw error
            }
            await consumer.close()
        }
    }

    private func consumerConfiguration() throws(ClientError) -> ConsumerConfiguration {
        let start = from?.position ?? (exitAtEnd ? .beginning : .end)
        var configuration = ConsumerConfiguration(
            client: try connection.configuration(),
            assignments: topics.map { topic in
                Assignment(topic: topic, partitions: partition.isEmpty ? nil : partition, start: start)
            }
        )
        configuration.stopsAtEnd = exitAtEnd
        configuration.isolation = committed ? .readCommitted : .readUncommitted
        // A wrong offset is a mistake to be told; a beginning that retention overtakes is not.
        if case .offset = start {} else { configuration.outOfRange = .beginning }
        return configuration
    }
}
