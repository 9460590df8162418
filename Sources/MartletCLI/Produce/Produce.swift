import ArgumentParser
import MartletClient

/// `martlet produce`: appends the records of files or standard input to a topic. A value.
struct Produce: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Append lines of files or standard input to a topic.",
        discussion: """
            Each line is one record. Delimiters know \\n \\r \\t \\0 \\\\ and \\xNN. The input may be any bytes.

            A line may hold more than the value: with -K a key in front of a delimiter; with -f any of %k key, %s value, \
            %h headers as name=value,name=value, %p partition and %T time, with text between them (%t and %o are read \
            over, so that what 'martlet consume -f' wrote with the same format can be read); with --input json an object \
            with the members key, value, headers, partition and timestamp, as 'martlet consume --json' writes it.

            What cannot be read is told by its line and left out, and the rest is sent; with --strict it ends there. On a \
            terminal a long input shows how far it is.

            Examples:
              echo hello | martlet produce greetings
              martlet produce users -K : --compression zstd users.txt
              martlet produce orders -f '%p\\t%k\\t%h\\t%s' orders.tsv
              martlet consume orders -e --json | martlet produce copy --input json
              martlet produce clicks --rate 500 clicks.txt
              martlet produce packages -D '\\n\\n' -H origin=dpkg /var/lib/dpkg/status

            SIGINT and SIGTERM end the input: what was read is delivered, and the exit status is 1. It is 65 if lines \
            were left out.
            """
    )

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var format: OutputOptions
    @OptionGroup var options: ProduceOptions

    @Argument(help: "The topic.", completion: .topics)
    var topic: String

    @Argument(
        help: ArgumentHelp("Files to read (default: standard input, also '-').", valueName: "file"),
        completion: .file()
    )
    var files: [String] = []

    func run() async throws {
        try await Outcome.report {
            var configuration = try options.producerConfiguration(client: connection.configuration())
            configuration.bufferBytes = ProduceOptions.bufferBytes
            let producer = try Producer(configuration)
            let inputs = files.isEmpty ? [InputSource.standardInput] : files
            let session = ProduceSession(
                producer: producer,
                reading: try options.reading(topic: topic),
                totalBytes: InputSource.totalBytes(inputs)
            )
            await session.run(files: inputs)
            let status = await session.finish()
            if format.json { try session.writeSummary() }
            if status != .success { throw status.exit }
        }
    }
}
