/// Reads records off uncompressed bytes, checking every length against what is left; never reads outside, never
/// allocates. Owned by one function call: it must not outlive the pointer it is given.
struct RecordCursor {
    private let bytes: UnsafeRawBufferPointer
    private(set) var position: Int
    private let end: Int

    init(_ bytes: UnsafeRawBufferPointer, from position: Int = 0) {
        self.init(bytes, from: position, to: bytes.count)
    }

    private init(_ bytes: UnsafeRawBufferPointer, from position: Int, to end: Int) {
        self.bytes = bytes
        self.position = position
        self.end = end
    }

    var remaining: Int { end &- position }

    /// Reads one record, its headers checked but not taken apart.
    @inline(__always)
    mutating func record(maximumHeaders: Int) throws(RecordProblem) -> RecordLayout {
        let length = try varint(.length)
        guard length >= 0, Int(length) <= remaining else {
            throw .badLength(.length, length: length, remaining: remaining)
        }
        var body = RecordCursor(bytes, from: position, to: position &+ Int(length))
        // The attributes of records have no meaning yet; Kafka's brokers and consumers ignore them.
        _ = try body.byte(.attributes)
        let timestampDelta = try body.varlong(.timestampDelta)
        let offsetDelta = try body.varint(.offsetDelta)
        let key = try body.nullableField(.key)
        let value = try body.nullableField(.value)
        let headerCount = try body.varint(.headerCount)
        let headersPosition = body.position
        if headerCount != 0 { try body.skipHeaders(headerCount, limit: maximumHeaders) }
        guard body.remaining == 0 else { throw .trailingBytes(body.remaining) }
        position = body.position
        return RecordLayout(
            timestampDelta: timestampDelta,
            offsetDelta: offsetDelta,
            key: key,
            value: value,
            headerCount: headerCount,
            headersPosition: headersPosition,
            end: body.position
        )
    }

    /// Reads one header of a record that ``record(maximumHeaders:)`` has checked.
    mutating func header() throws(RecordProblem) -> (name: RecordLayout.Field, value: RecordLayout.Field) {
        let name = try nullableField(.headerName)
        guard !name.isNull else { throw .badLength(.headerName, length: -1, remaining: remaining) }
        return (name, try nullableField(.headerValue))
    }

    private mutating func skipHeaders(_ count: Int32, limit: Int) throws(RecordProblem) {
        guard count >= 0, Int(count) <= remaining / RecordBatchFormat.minimumHeaderBytes else {
            throw .badLength(.headerCount, length: count, remaining: remaining)
        }
        guard Int(count) <= limit else { throw .tooManyHeaders(count: count, limit: limit) }
        for _ in 0..<count { _ = try header() }
    }

    @inline(__always)
    private mutating func nullableField(_ field: RecordProblem.Field) throws(RecordProblem) -> RecordLayout.Field {
        let length = try varint(field)
        guard length >= -1, Int(length) <= remaining else {
            throw .badLength(field, length: length, remaining: remaining)
        }
        let start = position
        if length > 0 { position &+= Int(length) }
        return RecordLayout.Field(position: start, length: Int(length))
    }

    // MARK: Integers

    @inline(__always)
    private mutating func byte(_ field: RecordProblem.Field) throws(RecordProblem) -> UInt8 {
        guard position < end else { throw .truncated(field) }
        let value = bytes[position]
        position &+= 1
        return value
    }

    @inline(__always)
    mutating func varint(_ field: RecordProblem.Field) throws(RecordProblem) -> Int32 {
        let first = try byte(field)
        if first < 0x80 { return Varint.unzigzag(UInt32(first)) }
        let value = try longVarint(field, first: first, maximumBytes: RecordBatchFormat.maximumVarintBytes)
        guard let narrow = UInt32(exactly: value) else { throw .badVarint(field) }
        return Varint.unzigzag(narrow)
    }

    @inline(__always)
    mutating func varlong(_ field: RecordProblem.Field) throws(RecordProblem) -> Int64 {
        let first = try byte(field)
        if first < 0x80 { return Varint.unzigzag(UInt64(first)) }
        return Varint.unzigzag(try longVarint(field, first: first, maximumBytes: RecordBatchFormat.maximumVarlongBytes))
    }

    private mutating func longVarint(
        _ field: RecordProblem.Field,
        first: UInt8,
        maximumBytes: Int
    ) throws(RecordProblem) -> UInt64 {
        var value = UInt64(first & 0x7f)
        for index in 1..<maximumBytes {
            let next = try byte(field)
            let shift = UInt64(7 &* index)
            // Only the tenth byte can have bits that do not fit.
            guard UInt64(next & 0x7f) <= UInt64.max >> shift else { throw .badVarint(field) }
            value |= UInt64(next & 0x7f) &<< shift
            if next < 0x80 { return value }
        }
        throw .badVarint(field)
    }
}
