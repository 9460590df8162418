package import Model
package import NIOCore
package import Records

/// A batch as it lies in a file. Immutable.
package struct InspectedBatch: Equatable, Sendable {
    package let position: FilePosition
    package let header: BatchHeader
    /// Whether its bytes are those the checksum was made of.
    package let isIntact: Bool
}

/// Bytes of a `.log` file that are no batch. Immutable.
package struct DamagedRange: Equatable, Sendable {
    package let position: FilePosition
    package let length: Int
    package let reason: String
}

/// Walks a `.log` file of any broker from front to back, for whoever wants to know what is in it. Where there is no batch
/// it says so and goes on with the next one that can be found. A value; needs nothing but the file, and never traps.
package struct LogFileWalk {
    package enum Element: Equatable, Sendable {
        case batch(InspectedBatch)
        case damage(DamagedRange)
    }

    package let size: Int
    private var window: ReadWindow
    private var position = 0
    /// How many bytes may still be summed up in search of a batch: what looks like one costs its length, and a file may
    /// be full of what looks like one.
    private var searchBudget: Int

    private static let windowBytes = 1 << 20
    private static let searchBytes = 64 << 10
    /// Larger batches are not looked for behind damage.
    private static let largestSearched = 64 << 20

    package init(path: String, _ fileSystem: any FileSystem) throws(LogError) {
        let file = try storage { () throws(FileError) in try fileSystem.open(path, .read) }
        self.init(file: file, size: try storage { () throws(FileError) in try file.size() })
    }

    /// Walks the first `size` bytes. With `leavesCache`, what was not in the page cache is not left in it.
    init(file: any File, size: Int, leavesCache: Bool = false) {
        self.size = size
        window = ReadWindow(file: file, end: size, step: Self.windowBytes, leavesCache: leavesCache)
        searchBudget = Self.largestSearched + size.multipliedReportingOverflow(by: 4).partialValue
    }

    /// The next batch or the next damage; nil at the end of the file.
    package mutating func next() throws(LogError) -> Element? {
        guard position < size else { return nil }
        switch try frame(at: position) {
        case .failure(let problem):
            return .damage(try skip(problem.reason, atLeast: problem.length))
        case .success(let header):
            let isIntact = try isIntact(header, at: position)
            let end = position + header.totalLength
            // With a wrong checksum the length is believed only if it leads to another batch.
            var isBelieved = isIntact || end == size
            if !isBelieved { isBelieved = try isPlausible(at: end) }
            guard isBelieved else {
                return .damage(try skip("its length or its checksum is wrong", atLeast: 1))
            }
            defer { position = end }
            return .batch(InspectedBatch(position: FilePosition(position), header: header, isIntact: isIntact))
        }
    }

    /// All bytes of a batch that ``next()`` has returned.
    package mutating func bytes(of batch: InspectedBatch) throws(LogError) -> ByteBuffer {
        let count = try window.load(batch.position.bytes, count: batch.header.totalLength)
        return window.withBytes(batch.position.bytes, count: count) { ByteBuffer(bytes: $0) }
    }

    /// Adds the bytes of a batch that ``next()`` has returned to a checksum.
    mutating func add(_ batch: InspectedBatch, to checksum: inout CRC32C.Running) throws(LogError) {
        let count = try window.load(batch.position.bytes, count: batch.header.totalLength)
        window.withBytes(batch.position.bytes, count: count) { checksum.add($0) }
    }

    // MARK: One position

    private struct Problem: Error {
        let reason: String
        /// How long the thing is that is no batch, as far as it is known.
        var length = 1
    }

    private mutating func frame(at position: Int) throws(LogError) -> Result<BatchHeader, Problem> {
        let left = size - position
        let count = try window.load(position, count: BatchHeader.length)
        guard count == BatchHeader.length else {
            return .failure(Problem(reason: "\(left) bytes are left, a batch has more", length: max(1, left)))
        }
        let result = window.withBytes(position, count: count) { bytes -> Result<BatchHeader, Problem> in
            do throws(BatchError) {
                return .success(try BatchHeader(bytes))
            } catch {
                return .failure(Self.explain(error, bytes, left: left))
            }
        }
        guard case .success(let header) = result else { return result }
        guard header.totalLength <= left else {
            return .failure(Problem(reason: "a batch of \(header.totalLength) bytes, and \(left) are left"))
        }
        guard header.lastOffset <= LogFileNames.maximumOffset else {
            return .failure(Problem(reason: "its offset \(header.lastOffset) is larger than any can be"))
        }
        return result
    }

    private static func explain(_ error: BatchError, _ bytes: UnsafeRawBufferPointer, left: Int) -> Problem {
        if bytes.allSatisfy({ $0 == 0 }) { return Problem(reason: "zeros, as preallocation or a crash leaves them") }
        let length: Int32 = bigEndian(bytes, RecordBatchFormat.lengthPosition)
        let magic: Int8 = bigEndian(bytes, RecordBatchFormat.magicPosition)
        let total = Int(length) + RecordBatchFormat.lengthOverhead
        if magic == 0 || magic == 1, length >= 14, total <= left {
            return Problem(
                reason: "a message of format \(magic), older than Kafka 0.11, which is not read",
                length: total
            )
        }
        return Problem(reason: error.description)
    }

    private mutating func isIntact(_ header: BatchHeader, at position: Int) throws(LogError) -> Bool {
        let count = try window.load(position, count: header.totalLength)
        guard count == header.totalLength else { return false }
        return window.withBytes(position, count: count) { bytes in
            let covered = bytes.dropFirst(RecordBatchFormat.checksummedPosition)
            return CRC32C.checksum(UnsafeRawBufferPointer(rebasing: covered)) == header.checksum
        }
    }

    private mutating func isPlausible(at position: Int) throws(LogError) -> Bool {
        if case .success = try frame(at: position) { return true }
        return false
    }

    // MARK: Behind damage

    private mutating func skip(_ reason: String, atLeast length: Int) throws(LogError) -> DamagedRange {
        let start = position
        position = try nextBatch(from: start + length) ?? size
        return DamagedRange(position: FilePosition(start), length: position - start, reason: reason)
    }

    /// Where the next intact batch begins.
    private mutating func nextBatch(from start: Int) throws(LogError) -> Int? {
        // What is neither a batch nor damage, but a message of an old format, may be followed by another one.
        if start < size, case .failure(let problem) = try frame(at: start), problem.length > 1 { return start }
        var candidate = start
        while let found = try candidatePosition(from: candidate) {
            if case .success(let header) = try frame(at: found), header.totalLength <= Self.largestSearched {
                searchBudget -= header.totalLength
                guard searchBudget > 0 else { return nil }
                if try isIntact(header, at: found) { return found }
            }
            candidate = found + 1
        }
        return nil
    }

    /// The next position that has the magic and a possible length where a batch has them.
    private mutating func candidatePosition(from start: Int) throws(LogError) -> Int? {
        let headLength = RecordBatchFormat.magicPosition + 1
        var position = start
        while size - position >= BatchHeader.length {
            let count = try window.load(position, count: Self.searchBytes)
            guard count >= headLength else { return nil }
            let left = size - position
            let found = window.withBytes(position, count: count) { bytes in
                (0...count - headLength).first { offset in
                    guard bytes[offset + RecordBatchFormat.magicPosition] == UInt8(RecordBatchFormat.magic) else {
                        return false
                    }
                    let length: Int32 = bigEndian(bytes, offset + RecordBatchFormat.lengthPosition)
                    return length >= RecordBatchFormat.minimumBatchLength
                        && Int(length) <= left - offset - RecordBatchFormat.lengthOverhead
                }
            }
            if let found { return position + found }
            position += count - headLength + 1
        }
        return nil
    }
}
