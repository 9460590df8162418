import NIOCore

/// Cuts a stream of bytes into records at a delimiter. A value, owned by whoever reads the input.
struct RecordSplitter {
    /// A record is longer than allowed.
    struct TooLong: Error, Equatable {
        /// Which record of the input, from 1.
        let number: Int
        let limit: Int
    }

    let delimiter: Delimiter
    /// The longest record, in bytes: what has no end must not fill the memory.
    let maximumLength: Int
    /// Records cut so far.
    private(set) var count = 0
    private var bytes = ByteBuffer()
    /// How far ``bytes`` was searched in vain.
    private var searched = 0
    /// Whether what comes belongs to a record that is left out.
    private var isSkipping = false

    init(delimiter: Delimiter, maximumLength: Int) {
        self.delimiter = delimiter
        self.maximumLength = maximumLength
    }

    /// Takes what was read. Call ``next()`` until it returns nil before the next call.
    mutating func append(_ more: ByteBuffer) {
        if bytes.readableBytes == 0 {
            bytes = more
            searched = 0
        } else {
            bytes.writeImmutableBuffer(more)
        }
    }

    /// Leaves out the record that was too long, up to its delimiter.
    mutating func skip() {
        isSkipping = true
        searched = 0
        count += 1
    }

    /// The next record without its delimiter; nil if its end is not there yet.
    mutating func next() throws(TooLong) -> ByteBuffer? {
        if isSkipping, !passDelimiter() { return nil }
        let start = searched
        guard let end = bytes.withUnsafeReadableBytes({ delimiter.firstIndex(in: $0, from: start) }) else {
            try check(bytes.readableBytes)
            // The delimiter's beginning may be there already.
            searched = max(0, bytes.readableBytes - delimiter.bytes.count + 1)
            return nil
        }
        try check(end)
        let record = bytes.readSlice(length: end)
        bytes.moveReaderIndex(forwardBy: delimiter.bytes.count)
        searched = 0
        count += 1
        return record
    }

    /// Drops what belongs to the record that is left out. Returns whether its end was there.
    private mutating func passDelimiter() -> Bool {
        guard let end = bytes.withUnsafeReadableBytes({ delimiter.firstIndex(in: $0) }) else {
            // The delimiter's beginning may be there already.
            bytes.moveReaderIndex(forwardBy: max(0, bytes.readableBytes - delimiter.bytes.count + 1))
            bytes.discardReadBytes()
            return false
        }
        bytes.moveReaderIndex(forwardBy: end + delimiter.bytes.count)
        isSkipping = false
        return true
    }

    /// What is behind the last delimiter, at the end of the input; nil if nothing is.
    mutating func rest() throws(TooLong) -> ByteBuffer? {
        if isSkipping { return nil }
        try check(bytes.readableBytes)
        guard bytes.readableBytes > 0 else { return nil }
        count += 1
        defer { bytes.clear() }
        return bytes
    }

    private func check(_ length: Int) throws(TooLong) {
        if length > maximumLength { throw TooLong(number: count + 1, limit: maximumLength) }
    }
}
