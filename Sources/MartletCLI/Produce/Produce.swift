import ArgumentParser
import MartletClient

/// `martlet produce`: appends the records of files or standard input to a topic. A value.
struct Produce: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Append lines of files or standard input to a topic.",
        discussion: """
            Each line is one record. Delimiters know \\n \\r \\t \\0 \\\\ and \\xNN. The input may be any bytes.

            Examples:
              echo hello | martlet produce greetings
              martlet produce users -K : --compression zstd users.txt
              martlet produce packages -D '\\n\\n' -H origin=dpkg /var/lib/dpkg/status

            SIGINT and SIGTERM end the input: what was read is delivered, and the exit status is 1.
            """
    )

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var format: OutputOptions
    @OptionGroup var options: ProduceOptions

    @Argument(help: "The topic.")
    var topic: String

    @Argument(help: ArgumentHelp("Files to read (default: standard input, also '-').", valueName: "file"))
    var files: [String] = []

    func run() async throws {
        try await Outcome.report {
            var configuration = try options.producerConfiguration(client: connection.configuration())
            configuration.bufferBytes = ProduceOptions.bufferBytes
            let producer = try Producer(configuration)
            let session = ProduceSession(
                producer: producer,
                parser: options.parser(topic: topic),
                delimiter: options.delimiter,
                maximumRecordBytes: options.maximumRecordBytes
            )
            await session.run(files: files.isEmpty ? [InputSource.standardInput] : files)
            let isComplete = await session.finish()
            if format.json { try session.writeSummary() }
            if !isComplete { throw ExitCode.failure }
        }
    }
}
