import CommitLog
import Model
import Records
import TestSupport

/// A partition of several segments, with producers, two leader epochs and indexes, cleanly stopped; and copies of it that
/// tests damage. Immutable but for what tests do to the copies.
final class DamagedLog {
    let fixture: LogFixture
    let values: [String]
    /// By path: everything in the partition's directory.
    let files: [String: [UInt8]]
    let fileSystem = SimulatedFileSystem()

    init() throws {
        var config = LogConfig()
        config.segmentBytes = 300
        config.indexIntervalBytes = 100
        fixture = try LogFixture(config: config, on: fileSystem)
        var values: [String] = []
        for number in 0..<12 {
            if number == 5 { try fixture.reopen(clean: false) }
            let batch = TestBatch(
                values: ["\(number)-a", "\(number)-b"],
                compression: number % 4 == 3 ? .lz4 : .none,
                producer: ProducerID(7),
                epoch: 0,
                sequence: Int32(2 * number)
            )
            fixture.time.advance(milliseconds: Int64(number % 3))
            try fixture.append(batch)
            values += batch.values
        }
        try fixture.log.close()
        self.values = values
        var files: [String: [UInt8]] = [:]
        for name in try fileSystem.list(fixture.directory) {
            let path = "\(fixture.directory)/\(name)"
            files[path] = try fixture.contents(of: path)
        }
        self.files = files
    }

    /// The paths that end so, in order.
    func paths(_ suffix: String) -> [String] { files.keys.filter { $0.hasSuffix(suffix) }.sorted() }

    /// Brings every file back to what it was.
    func restore() throws {
        for name in try fileSystem.list(fixture.directory) where files["\(fixture.directory)/\(name)"] == nil {
            try fileSystem.remove("\(fixture.directory)/\(name)")
        }
        for (path, bytes) in files { try fixture.overwrite(path, with: bytes) }
    }

    func verify(_ options: VerificationOptions = VerificationOptions()) throws -> [Finding] {
        let findings = Locked<[Finding]>([])
        _ = try DirectoryVerifier.verify(
            fixture.root,
            options: options,
            fileSystem: fileSystem,
            report: { finding in findings.withLock { $0.append(finding) } }
        )
        return findings.withLock { $0 }
    }

    /// Opens the log as it is now and reads all of it; nil if either is refused.
    func valuesAfterOpening(clean: Bool) throws -> [String]? {
        do {
            try fixture.reopenAsIs(clean: clean)
        } catch is LogError {
            return nil
        }
        defer { fixture.log.abandon() }
        // What is not read at opening is noticed by whoever reads it.
        do { return try fixture.allValues() } catch is LogError { return nil } catch is BatchError { return nil }
    }
}
