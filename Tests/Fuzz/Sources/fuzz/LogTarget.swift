import CommitLog
import Model
import NIOCore
import Records
import TestSupport

/// Everything that opening a log reads from a disk: one file of a small sound log is replaced by the input, then the log is
/// verified, opened, and read. Whatever the file holds, the rest of the broker goes on. The first byte chooses which file,
/// how the log was stopped, and whether checksums are made right.
enum LogTarget: FuzzTarget {
    private struct Choice: OptionSet {
        let rawValue: UInt8
        static let clean = Choice(rawValue: 0x80)
        static let repaired = Choice(rawValue: 0x40)
        static let fileMask: UInt8 = 0x3f
    }

    private static let partition = TopicPartition("events", 0)
    private static let topicID = TopicID(high: 1, low: 2)
    private static let root = "/logs"
    private static let directory = "\(root)/\(partition)"
    private static let first = "00000000000000000000"

    /// All files that a start reads, below the log directory. One is the second segment, which the first leads to. New ones
    /// go to the end: saved inputs name them by number.
    private static let names: [String] = [
        "\(partition)/\(first).log", "\(partition)/00000000000000000004.log", "\(partition)/\(first).index",
        "\(partition)/\(first).timeindex", "\(partition)/00000000000000000004.snapshot",
        "\(partition)/leader-epoch-checkpoint", "\(partition)/partition.metadata", "meta.properties",
        "recovery-point-offset-checkpoint", "log-start-offset-checkpoint", "cleaner-offset-checkpoint",
        "\(partition)/segments.manifest", "\(partition)/quarantine-checkpoint",
        "\(partition)/leader-epoch-checkpoint.previous", "recovery-point-offset-checkpoint.previous",
        "log-start-offset-checkpoint.previous", ".opening", "opening-failures", ".sync-failed",
        "leader-epoch-floor", "leader-epoch-floor.previous", ".kafka_cleanshutdown", "meta.properties.previous",
        "cleaner-offset-checkpoint.previous",
    ]

    static func run(_ input: UnsafeRawBufferPointer) {
        guard let first = input.first, let sound else { return }
        let choice = Choice(rawValue: first)
        let name = names[Int(first & Choice.fileMask) % names.count]
        var bytes = Array(input.dropFirst())
        if choice.contains(.repaired) {
            if name.hasSuffix(".log") { repairChecksums(&bytes) }
            FileTarget.repairChecksum(&bytes, ofFile: name)
        }
        let fileSystem = sound.copy()
        do {
            try overwrite("\(root)/\(name)", with: bytes, fileSystem)
            if !choice.contains(.clean) { try fileSystem.remove("\(root)/.kafka_cleanshutdown") }
            _ = try DirectoryVerifier.verify(
                root,
                options: VerificationOptions(readsRecords: true),
                fileSystem: fileSystem,
                report: { invariant(!$0.description.isEmpty, "a finding says what it is") }
            )
            try open(fileSystem)
        } catch {
            // Refusing is right; trapping would not have come here.
        }
    }

    private static func open(_ fileSystem: SimulatedFileSystem) throws {
        let directory = try LogDirectory.open(root, nodeID: 1, environment: environment(fileSystem))
        let log = try directory.openPartition(partition, topicID: topicID, config: config)
        let offsets = log.offsets
        invariant(offsets.logStart <= offsets.logEnd, "I2: a log ends behind its start")
        _ = try? log.offset(forTimestamp: Timestamp(milliseconds: 1_700_000_000_003))
        _ = try? read(log)
        _ = try? log.append(batch(6))
        try directory.close()
    }

    private static func read(_ log: PartitionLog) throws {
        var next = log.offsets.logStart
        while next < log.offsets.logEnd {
            let outcome = try log.read(
                from: next,
                maximumBytes: 1 << 16,
                alwaysOneBatch: true,
                upTo: .logEnd,
                acceptCold: true
            )
            guard case .data(let range) = outcome, let slice = range.slice else { return }
            var bytes = [UInt8](repeating: 0, count: slice.length)
            let count = try bytes.withUnsafeMutableBytes { try slice.file.read(into: $0, at: slice.position) }
            var sequence = BatchSequence(ByteBuffer(bytes: bytes.prefix(count)))
            let start = next
            while let element = try sequence.next() { next = max(next, element.header.nextOffset) }
            invariant(next > start, "a read goes forward")
        }
    }

    /// Gives everything that looks like a batch the checksum of its bytes, so that more than the checksum is tested.
    private static func repairChecksums(_ bytes: inout [UInt8]) {
        var position = 0
        while bytes.count - position >= BatchHeader.length {
            let length = bytes[position + 8..<position + 12].reduce(0) { $0 << 8 | Int($1) }
            let end = position + 12 + length
            guard length >= 49, end <= bytes.count else { return }
            let checksum = bytes[position + 21..<end].withUnsafeBytes { CRC32C.checksum($0) }
            for byte in 0..<4 { bytes[position + 17 + byte] = UInt8(truncatingIfNeeded: checksum >> (24 - 8 * byte)) }
            position = end
        }
    }

    // MARK: A sound log

    private static let sound = makeSound()

    private static var config: LogConfig {
        var config = LogConfig()
        config.segmentBytes = 400
        config.indexIntervalBytes = 50
        return config
    }

    private static func environment(_ fileSystem: SimulatedFileSystem) -> LogEnvironment {
        LogEnvironment(fileSystem: fileSystem, time: ManualTime())
    }

    private static func batch(_ number: Int32) throws -> ByteBuffer {
        var builder = BatchBuilder(
            compression: number % 2 == 0 ? .none : .lz4,
            producerID: ProducerID(7),
            producerEpoch: 0,
            baseSequence: SequenceNumber(number)
        )
        try builder.append(
            key: ByteBuffer(string: "key"),
            value: ByteBuffer(string: "value \(number)"),
            timestamp: Timestamp(milliseconds: 1_700_000_000_000 + Int64(number))
        )
        return try builder.finish()
    }

    private static func makeSound() -> SimulatedFileSystem? {
        let fileSystem = SimulatedFileSystem()
        do {
            let environment = environment(fileSystem)
            let directory = try LogDirectory.open(
                root,
                nodeID: 1,
                environment: environment,
                generator: SeededGenerator(seed: 1)
            )
            let log = try directory.openPartition(partition, topicID: topicID, config: config)
            for number in 0..<6 { _ = try log.append(batch(Int32(number))) }
            try log.flush()
            // The sums of closed segments, and a second generation of each checkpoint.
            for base in try log.segmentsToScrub(onlyNew: true) { _ = try log.scrub(segment: base) }
            try directory.checkpoint()
            try directory.close()
            return fileSystem
        } catch {
            invariant(false, "a sound log cannot be made: \(error)")
            return nil
        }
    }

    private static func overwrite(_ path: String, with bytes: [UInt8], _ fileSystem: SimulatedFileSystem) throws {
        let file = try fileSystem.open(path, .createIfMissing)
        try file.truncate(to: 0)
        try bytes.withUnsafeBytes { try file.write($0, UnsafeRawBufferPointer(start: nil, count: 0), at: .zero) }
    }

    static func seeds() -> [[UInt8]] {
        var seeds: [[UInt8]] = []
        for (number, name) in names.enumerated() {
            var bytes: [UInt8] = Array("0\n1\nevents 0 4\n".utf8)
            if let file = try? sound?.open("\(root)/\(name)", .read), let size = try? file.size() {
                bytes = [UInt8](repeating: 0, count: size)
                _ = try? bytes.withUnsafeMutableBytes { try file.read(into: $0, at: .zero) }
            }
            for choice: Choice in [[], .clean, .repaired, [.clean, .repaired]] {
                seeds.append([UInt8(number) | choice.rawValue] + bytes)
            }
        }
        return seeds
    }
}
