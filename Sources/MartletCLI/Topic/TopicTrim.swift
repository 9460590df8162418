import ArgumentParser
import MartletClient

/// `martlet topic trim`. A value.
struct TopicTrim: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trim",
        abstract: "Delete the oldest records of a partition, or of all partitions.",
        discussion: """
            Not for topics that are compacted only: their cleanup.policy must include delete.

            Examples:
              martlet topic trim orders --partition 0 --offset 5000
              martlet topic trim orders --offset end
            """
    )

    /// Which record is the first to stay.
    enum Limit: ExpressibleByArgument, Equatable {
        case offset(Int64)
        case end

        init?(argument: String) {
            if argument == "end" {
                self = .end
            } else if let offset = Int64(argument), offset >= 0 {
                self = .offset(offset)
            } else {
                return nil
            }
        }
    }

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var format: OutputOptions

    @Argument(help: "The topic.", completion: .topics)
    var name: String

    @Option(name: .shortAndLong, help: "The partition (default: all, which needs --offset end).")
    var partition: Int32?

    @Option(help: ArgumentHelp("Delete the records before this offset, or all with 'end'.", valueName: "offset|end"))
    var offset: Limit

    func validate() throws {
        if partition == nil, offset != .end {
            throw ValidationError("an offset is of one partition: give --partition, or --offset end")
        }
    }

    func run() async throws {
        try await Topic.withAdmin(connection) { admin, output in
            let indexes: [Int32]
            if let partition {
                indexes = [partition]
            } else {
                indexes = try await admin.describeTopic(name).partitions.map(\.index)
            }
            var results: [JSON] = []
            for index in indexes {
                let before: Int64? = if case .offset(let offset) = offset { offset } else { nil }
                let start = try await admin.deleteRecords(of: Partition(topic: name, index: index), before: before)
                results.append(.object(["partition": .int(index), "start_offset": .int(start)]))
                if !format.json { try output.line("topic \(name) partition \(index) begins at offset \(start)") }
            }
            if format.json { try output.line(JSON.object(["name": .string(name), "partitions": .array(results)])) }
        }
    }
}
