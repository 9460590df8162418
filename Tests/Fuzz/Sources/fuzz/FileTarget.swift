import Model
import Records
import TestSupport

@testable import CommitLog

/// Each small file that recovery reads, by itself, which is much faster than opening a whole log around it: the first byte
/// chooses which, and whether its checksum is made right. What is understood must be the same when it is written and read
/// once more, and must do no harm when it is used.
enum FileTarget: FuzzTarget {
    private enum Kind: UInt8, CaseIterable {
        case manifest, quarantine, producers, epochs, offsets, partitionMetadata, metaProperties
        case offsetIndex, timeIndex, openingJournal, generations
    }

    private static let repaired: UInt8 = 0x80
    private static let path = "/files/file"
    private static let base = Offset(1000)

    static func run(_ input: UnsafeRawBufferPointer) {
        guard let first = input.first, let kind = kind(first) else { return }
        var bytes = Array(input.dropFirst())
        if first & repaired != 0 { repairChecksum(&bytes, kind) }
        do {
            switch kind {
            case .manifest: try readManifest(bytes)
            case .quarantine: try readQuarantine(bytes)
            case .producers: try readProducers(bytes)
            case .epochs, .offsets, .partitionMetadata, .metaProperties: try readText(bytes, kind)
            case .offsetIndex, .timeIndex: try readIndex(bytes, kind)
            case .openingJournal: try readJournal(bytes)
            case .generations: try readGenerations(bytes)
            }
        } catch {
            invariant(!"\(error)".isEmpty, "an error says what it is")
        }
    }

    private static func kind(_ byte: UInt8) -> Kind? {
        Kind(rawValue: (byte & ~repaired) % UInt8(Kind.allCases.count))
    }

    // MARK: Binary files

    private static func readManifest(_ bytes: [UInt8]) throws {
        let manifest = try ManifestFormat.decode(bytes, path: path)
        let again = try ManifestFormat.decode(ManifestFormat.encode(manifest), path: path)
        invariant(manifest == again, "a manifest is what was written")
        invariant(manifest.mayHaveGapsBelow >= manifest.compactedTo, "gaps end behind what is compacted")
    }

    private static func readQuarantine(_ bytes: [UInt8]) throws {
        var quarantine = try QuarantineFormat.decode(bytes, path: path)
        let again = try QuarantineFormat.decode(QuarantineFormat.encode(quarantine), path: path)
        invariant(quarantine.ranges.count == again.ranges.count, "a quarantine is what was written")
        for range in quarantine.ranges.prefix(20) {
            invariant(!range.description.isEmpty && range.end >= range.length, "a range has a place")
            _ = quarantine.explains(range.offsets)
            quarantine.replaceDamage(of: range.segment, with: quarantine.damage(of: range.segment))
        }
        quarantine.truncate(toStart: base)
        quarantine.truncate(toEnd: base)
        _ = quarantine.skipped.firstDamage
    }

    private static func readProducers(_ bytes: [UInt8]) throws {
        var inspected = ProducerState(maximumProducers: 4)
        _ = try ProducerSnapshotFormat.decodeInspecting(bytes, path: path, into: &inspected)
        var state = ProducerState(maximumProducers: 100)
        try ProducerSnapshotFormat.decode(bytes, path: path, into: &state)
        for producer in state.producers.values {
            _ = producer.nextSequence(inEpoch: producer.epoch)
            for batch in producer.batches { _ = (batch.firstSequence, batch.baseOffset) }
        }
        // What nobody writes, such as a sequence number that no batch has, need not be written again.
        let written = ProducerSnapshotFormat.encode(state)
        var again = ProducerState(maximumProducers: 100)
        try ProducerSnapshotFormat.decode(written, path: path, into: &again)
        invariant(ProducerSnapshotFormat.encode(again) == written, "producers are what was written")
        state.removeExpired(now: Timestamp(milliseconds: .min), expirationMilliseconds: 1)
        state.removeExpired(now: Timestamp(milliseconds: .max), expirationMilliseconds: 1)
    }

    // MARK: Texts

    private static func readText(_ bytes: [UInt8], _ kind: Kind) throws {
        let text = String(decoding: bytes, as: UTF8.self)
        switch kind {
        case .epochs:
            let epochs = try LeaderEpochs(TextCheckpoint(text, path: path), path: path)
            let again = try LeaderEpochs(TextCheckpoint(epochs.checkpoint.sealed, path: path), path: path)
            invariant(epochs == again, "leader epochs are what was written")
            use(epochs)
        case .offsets:
            let offsets = try OffsetCheckpoint(TextCheckpoint(text, path: path), path: path)
            let again = try OffsetCheckpoint(TextCheckpoint(offsets.checkpoint.sealed, path: path), path: path)
            invariant(offsets == again, "a checkpoint is what was written")
        case .partitionMetadata:
            let metadata = try PartitionMetadata(text, path: path)
            let again = try PartitionMetadata(metadata.text, path: path)
            invariant(metadata == again, "a partition's metadata are what was written")
        case .metaProperties:
            let properties = try MetaProperties(text, path: path)
            let again = try MetaProperties(properties.text, path: path)
            invariant(properties == again, "a directory's properties are what was written")
        default: break
        }
    }

    private static func use(_ epochs: LeaderEpochs) {
        var epochs = epochs
        for epoch in [Int32.min, -1, 0, 5, .max] { _ = epochs.end(of: LeaderEpoch(epoch), logEnd: base) }
        for offset in [Int64.min, 0, 1000, .max] { _ = epochs.epoch(of: Offset(offset)) }
        epochs.truncate(toStart: Offset(10))
        epochs.truncate(toEnd: base)
        _ = epochs.assign(LeaderEpoch(7), at: base)
    }

    // MARK: Files of their own

    private static func readIndex(_ bytes: [UInt8], _ kind: Kind) throws {
        let fileSystem = try fileSystem(with: [("file", bytes)])
        let (times, offsets) = (TimeIndexFormat.entrySize, OffsetIndexFormat.entrySize)
        let size = kind == .timeIndex ? times : offsets
        let file = IndexFile(path: path, entrySize: size, fileSystem: fileSystem, openFiles: nil, count: nil)
        let view = try file.view(mapped: bytes.first.map { $0 & 1 == 0 } ?? false, capacity: 0)
        invariant(view.count <= bytes.count / size, "an index has no more entries than fit")
        if kind == .timeIndex {
            let index = TimeIndex(base: base, file: file)
            for time in [Int64.min, 0, 1_700_000_000_000, .max] {
                _ = try index.entry(below: Timestamp(milliseconds: time), in: view)
            }
            _ = try (index.lastEntry(in: view), index.entries())
            _ = try InspectedIndex<TimeIndexEntry>.read(path, base: base, fileSystem)
            try index.append(TimeIndexEntry(timestamp: Timestamp(milliseconds: 5), offset: base + 3))
        } else {
            let index = OffsetIndex(base: base, file: file)
            for offset in [Int64.min, 0, 1000, 1003, .max] { _ = try index.entry(atOrBelow: Offset(offset), in: view) }
            for position in [0, 100, Int.max] { _ = try index.entry(atOrBefore: FilePosition(position), in: view) }
            _ = try (index.firstEntry(in: view), index.lastEntry(in: view))
            _ = try InspectedIndex<OffsetIndexEntry>.read(path, base: base, fileSystem)
            try index.append(OffsetIndexEntry(offset: base + 3, position: FilePosition(100)))
        }
        let count = try file.count()
        invariant(count == view.count + 1, "an entry more")
    }

    /// The input is the notes of the last start, behind a line end what is known of earlier ones.
    private static func readJournal(_ bytes: [UInt8]) throws {
        let parts = bytes.split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false).map(Array.init)
        let fileSystem = try fileSystem(with: [
            (OpeningJournal.notesName, parts[0]), (OpeningJournal.failuresName, parts.count > 1 ? parts[1] : []),
        ])
        let journal = OpeningJournal(directory: "/files", fileSystem: fileSystem)
        let partition = TopicPartition("events", 0)
        invariant(journal.deaths(of: partition) >= 0, "a number of deaths")
        journal.begin(partition, thread: 1)
        journal.end(partition, thread: 1, isTried: true)
        invariant(journal.deaths(of: partition) == 0, "what was opened is not under suspicion")
        journal.close()
    }

    /// The input is a file and, behind a zero, the one before it.
    private static func readGenerations(_ bytes: [UInt8]) throws {
        let parts = bytes.split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false).map(Array.init)
        var files = [("file", parts[0])]
        if parts.count > 1 { files.append(("file.previous", parts[1])) }
        let read = try OffsetCheckpoint.read("file", in: "/files", fileSystem(with: files))
        invariant(read.damaged.count <= files.count, "no more are damaged than there are")
        invariant(read.value != nil || read.damaged.count == files.count, "what is whole is used")
    }

    private static func fileSystem(with files: [(name: String, bytes: [UInt8])]) throws -> SimulatedFileSystem {
        let fileSystem = SimulatedFileSystem()
        try fileSystem.createDirectory("/files")
        for (name, bytes) in files { try SmallFile.write(bytes, to: "/files/\(name)", fileSystem, synced: false) }
        return fileSystem
    }
}

// MARK: - Checksums and seeds

extension FileTarget {
    /// Gives the bytes the checksum that they should have, so that more than the checksum is tested.
    private static func repairChecksum(_ bytes: inout [UInt8], _ kind: Kind) {
        switch kind {
        case .manifest:
            let body = Array(bytes.dropFirst(ChecksummedFile.bodyPosition))
            bytes = ChecksummedFile.wrap(body, magic: ManifestFormat.magic, version: ManifestFormat.version)
        case .quarantine:
            let body = Array(bytes.dropFirst(ChecksummedFile.bodyPosition))
            bytes = ChecksummedFile.wrap(body, magic: QuarantineFormat.magic, version: QuarantineFormat.version)
        case .producers:
            let body = Array(bytes.dropFirst(6))
            let checksum = body.withUnsafeBytes { CRC32C.checksum($0) }
            bytes = bigEndianBytes(ProducerSnapshotFormat.version) + bigEndianBytes(checksum) + body
        case .epochs, .offsets:
            bytes = Array(TextSeal.seal(String(decoding: bytes, as: UTF8.self) + "\n").utf8)
        case .metaProperties:
            let text = String(decoding: bytes, as: UTF8.self)
            bytes = Array("#crc32c=\(TextChecksum.hexadecimal(of: text))\n\(text)".utf8)
        case .partitionMetadata:
            let text = String(decoding: bytes, as: UTF8.self) + "\n"
            bytes = Array("\(text)crc32c: \(TextChecksum.hexadecimal(of: text))\n".utf8)
        case .offsetIndex, .timeIndex, .openingJournal, .generations: break
        }
    }

    /// The same for a file of that path; bytes of which nothing has a checksum stay as they are.
    static func repairChecksum(_ bytes: inout [UInt8], ofFile path: String) {
        var name = path.split(separator: "/").last.map(String.init) ?? path
        if name.hasSuffix(LogFileNames.previous) { name.removeLast(LogFileNames.previous.count) }
        switch name {
        case ManifestFormat.fileName: repairChecksum(&bytes, .manifest)
        case QuarantineFormat.fileName: repairChecksum(&bytes, .quarantine)
        case LogFileNames.leaderEpochs, LeaderEpochFloor.fileName: repairChecksum(&bytes, .epochs)
        case LogFileNames.partitionMetadata: repairChecksum(&bytes, .partitionMetadata)
        case MetaProperties.fileName: repairChecksum(&bytes, .metaProperties)
        case OpeningJournal.failuresName: repairChecksum(&bytes, .offsets)
        case _ where name.hasSuffix("-offset-checkpoint"): repairChecksum(&bytes, .offsets)
        case _ where name.hasSuffix(LogFileNames.snapshot): repairChecksum(&bytes, .producers)
        default: break
        }
    }

    static func seeds() -> [[UInt8]] {
        Kind.allCases.flatMap { kind in
            let bytes = sound(kind)
            return [[kind.rawValue] + bytes, [kind.rawValue | repaired] + bytes]
        }
    }

    private static func sound(_ kind: Kind) -> [UInt8] {
        switch kind {
        case .manifest:
            var manifest = Manifest()
            manifest.generation = 3
            manifest.compactedTo = Offset(10)
            manifest.compactedAt = Timestamp(milliseconds: 1_700_000_000_000)
            for number in 0..<3 as Range<Int64> {
                manifest.segments.append(
                    Manifest.Segment(
                        baseOffset: Offset(number * 10),
                        lastOffset: Offset(number * 10 + 9),
                        size: 400,
                        checksum: number == 0 ? nil : 7,
                        hasGaps: number == 1
                    )
                )
            }
            manifest.replacement = Manifest.Replacement(base: Offset(0), sources: [Offset(0), Offset(10)])
            return ManifestFormat.encode(manifest)
        case .quarantine: return QuarantineFormat.encode(Quarantine([damage], scrubbed: Timestamp(milliseconds: 5)))
        case .producers: return ProducerSnapshotFormat.encode(producers)
        case .epochs:
            var epochs = LeaderEpochs()
            for epoch in 0..<3 as Range<Int32> { _ = epochs.assign(LeaderEpoch(epoch), at: Offset(Int64(epoch) * 9)) }
            return Array(epochs.checkpoint.sealed.utf8)
        case .offsets, .generations:
            let offsets = OffsetCheckpoint([
                TopicPartition("events", 0): Offset(7), TopicPartition("a.b", 3): Offset(0),
            ])
            let bytes = Array(offsets.checkpoint.sealed.utf8)
            return kind == .offsets ? bytes : bytes + [0] + bytes
        case .partitionMetadata: return Array(PartitionMetadata(topicID: TopicID(high: 1, low: 2)).text.utf8)
        case .metaProperties:
            let id = TopicID(high: 3, low: 4)
            return Array(MetaProperties(clusterID: "cluster", nodeID: 1, directoryID: id).text.utf8)
        case .offsetIndex: return [0, 0, 0, 2, 0, 0, 0, 90, 0, 0, 0, 5, 0, 0, 1, 0]
        case .timeIndex: return [0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 5]
        case .openingJournal: return Array("events-0 \nother-1\n\u{0}0\n1\nevents 0 2\n".utf8)
        }
    }

    private static var damage: QuarantinedRange {
        QuarantinedRange(
            offsets: Offset(3)..<Offset(5),
            segment: Offset(0),
            position: FilePosition(100),
            length: 50,
            found: Timestamp(milliseconds: 4),
            reason: "its checksum is wrong"
        )
    }

    private static var producers: ProducerState {
        var state = ProducerState(maximumProducers: 10)
        for id in 1...2 as ClosedRange<Int64> {
            var producer = ProducerState.Producer(epoch: 1)
            for number in 0..<3 as Range<Int64> {
                producer.batches.append(
                    ProducerState.Batch(
                        lastSequence: SequenceNumber(Int32(number * 2 + 1)),
                        lastOffset: Offset(number * 2 + 1),
                        offsetDelta: 1,
                        timestamp: Timestamp(milliseconds: 5)
                    )
                )
            }
            producer.lastTimestamp = Timestamp(milliseconds: 5)
            state.restore(ProducerID(id), producer)
        }
        return state
    }
}
