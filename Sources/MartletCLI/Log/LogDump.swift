import ArgumentParser
import CommitLog

/// `martlet log dump`. A value.
struct LogDump: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dump",
        abstract: "Print what is in files of a data directory, of this broker's or any other's.",
        discussion: """
            Reads segments (.log), indexes (.index, .timeindex), producer snapshots (.snapshot), checkpoints, \
            partition.metadata, meta.properties and segments.manifest, and knows them by their names. A broker may be running. What is damaged \
            is named, and what follows it is printed where it can be found.

            Exit status: 1 if anything is damaged or cannot be read.

            Examples:
              martlet log dump data/orders-0/00000000000000000000.log
              martlet log dump data/orders-0/* --records --json | jq .
            """
    )

    @Argument(help: ArgumentHelp("The files.", valueName: "file"), completion: .file())
    var files: [String]

    @Flag(help: "Print the records of each batch. Bytes that are not text are given in base 64.")
    var records = false

    @OptionGroup var format: OutputOptions

    func run() async throws {
        try await Outcome.report {
            let output = StandardOutput()
            var isDamaged = false
            for file in files {
                var dump = FileDump(path: file, printsRecords: records, isJSON: format.json, output: output)
                do throws(LogError) {
                    try dump.run()
                } catch {
                    try output.flush()
                    StandardError.line("martlet: \(error.description)")
                    isDamaged = true
                }
                if let failure = dump.failure { throw failure }
                isDamaged = isDamaged || dump.isDamaged
            }
            try output.flush()
            if isDamaged { throw ExitCode.failure }
        }
    }
}
