import CommitLog
import Model
import Records

/// Prints one file. A value, used once.
struct FileDump {
    let path: String
    let printsRecords: Bool
    let isJSON: Bool
    let output: StandardOutput
    private(set) var isDamaged = false
    /// Why printing failed; nothing is printed any more.
    private(set) var failure: OutputError?

    init(path: String, printsRecords: Bool, isJSON: Bool, output: StandardOutput) {
        self.path = path
        self.printsRecords = printsRecords
        self.isJSON = isJSON
        self.output = output
    }

    private var fileSystem: PosixFileSystem { PosixFileSystem() }

    /// Prints it; throws if the file cannot be read.
    mutating func run() throws(LogError) {
        guard let kind = InspectedFileKind(path: path) else {
            throw .unsupportedFormat(path: path, "its name is not one of \(InspectedFileKind.known)")
        }
        switch kind {
        case .log(let base): try dumpLog(base)
        case .offsetIndex(let base): try dumpOffsetIndex(base)
        case .timeIndex(let base): try dumpTimeIndex(base)
        case .snapshot: try dumpSnapshot()
        case .manifest: try dump("manifest", InspectedState.manifest)
        case .quarantine: try dump("quarantine", InspectedState.quarantine)
        case .leaderEpochs, .offsetCheckpoint, .partitionMetadata, .metaProperties: try dumpText(kind)
        }
    }

    private mutating func line(_ item: DumpedItem, indent: String = "") {
        guard failure == nil else { return }
        do throws(OutputError) {
            if isJSON { try output.line(item.json) } else { try output.line(indent + item.text) }
        } catch {
            failure = error
        }
    }

    private mutating func title(_ kind: String, _ base: Offset?) {
        var item = DumpedItem("file", ["path": .string(path), "kind": .string(kind)])
        if let base { item.add("base_offset", .int(base.rawValue)) }
        line(item)
    }

    private mutating func damage(_ reason: String, position: Int? = nil, length: Int? = nil) {
        isDamaged = true
        line(DumpedItem(damage: reason, position: position, length: length))
    }

    // MARK: Segments

    private mutating func dumpLog(_ base: Offset?) throws(LogError) {
        var walk = try LogFileWalk(path: path, fileSystem)
        title("segment", base)
        while failure == nil, let element = try walk.next() {
            switch element {
            case .damage(let range): damage(range.reason, position: range.position.bytes, length: range.length)
            case .batch(let batch):
                line(DumpedItem(batch))
                isDamaged = isDamaged || !batch.isIntact
                if printsRecords { try dumpRecords(batch, &walk) }
            }
        }
    }

    /// The records of a batch with a wrong checksum are printed as well, as far as they can be made out.
    private mutating func dumpRecords(_ batch: InspectedBatch, _ walk: inout LogFileWalk) throws(LogError) {
        let bytes = try walk.bytes(of: batch)
        do throws(BatchError) {
            var reader = try RecordReader(batch: bytes, limits: ReadLimits(verifiesChecksum: false))
            while failure == nil, let record = try reader.next() { line(DumpedItem(record), indent: "  ") }
        } catch {
            damage(error.description, position: batch.position.bytes, length: batch.header.totalLength)
        }
    }

    // MARK: Indexes

    private mutating func dumpOffsetIndex(_ base: Offset?) throws(LogError) {
        let index = try InspectedIndex<OffsetIndexEntry>.read(path, base: base ?? .zero, fileSystem)
        guard let index else { throw .missing(path) }
        title("offset-index", base)
        for entry in index.entries where failure == nil {
            line(
                DumpedItem("entry", ["offset": .int(entry.offset.rawValue), "position": .int(entry.position.bytes)])
            )
        }
        finish(index.problems.map { ($0.position.bytes, $0.reason) }, unusedBytes: index.unusedBytes)
    }

    private mutating func dumpTimeIndex(_ base: Offset?) throws(LogError) {
        let index = try InspectedIndex<TimeIndexEntry>.read(path, base: base ?? .zero, fileSystem)
        guard let index else { throw .missing(path) }
        title("time-index", base)
        for entry in index.entries where failure == nil {
            line(
                DumpedItem(
                    "entry",
                    ["timestamp": .int(entry.timestamp.milliseconds), "offset": .int(entry.offset.rawValue)]
                )
            )
        }
        finish(index.problems.map { ($0.position.bytes, $0.reason) }, unusedBytes: index.unusedBytes)
    }

    private mutating func finish(_ problems: [(position: Int, reason: String)], unusedBytes: Int) {
        for problem in problems { damage(problem.reason, position: problem.position) }
        if unusedBytes > 0 { line(DumpedItem("unused", ["size": .int(unusedBytes)])) }
    }

    // MARK: Small files

    private mutating func dumpSnapshot() throws(LogError) {
        let snapshot = try InspectedSnapshot.read(path, fileSystem)
        title("producer-snapshot", nil)
        for producer in snapshot.producers where failure == nil { line(DumpedItem(producer)) }
        if let problem = snapshot.problem { damage(problem) }
    }

    /// One of this broker's own files.
    private mutating func dump(
        _ kind: String,
        _ read: (String, any FileSystem) throws(LogError) -> [InspectedEntry]
    ) throws(LogError) {
        title(kind, nil)
        do throws(LogError) {
            for entry in try read(path, fileSystem) where failure == nil { line(DumpedItem(entry)) }
        } catch {
            guard case .corrupt(_, let reason) = error else { throw error }
            damage(reason)
        }
    }

    private mutating func dumpText(_ kind: InspectedFileKind) throws(LogError) {
        let text = try InspectedText.read(path, kind: kind, fileSystem)
        let name =
            switch kind {
            case .leaderEpochs: "leader-epochs"
            case .offsetCheckpoint: "offset-checkpoint"
            case .partitionMetadata: "partition-metadata"
            default: "meta-properties"
            }
        title(name, nil)
        for content in text.lines where failure == nil { line(DumpedItem("line", ["text": .string(content)])) }
        if let problem = text.problem { damage(problem) }
    }
}
