package import NIOCore

/// The header in front of every request's body. Immutable but for reading it.
///
/// On the wire: api key (2), version (2), correlation id (4), client id (2 + n, nullable; these two bytes of length also
/// in flexible versions, KIP-511), and in flexible versions tagged fields.
package struct RequestHeader: Equatable, Sendable {
    package var key: APIKey
    package var version: Int16
    package var correlationID: Int32
    package var clientID: String?

    package init(key: APIKey, version: Int16, correlationID: Int32, clientID: String?) {
        self.key = key
        self.version = version
        self.correlationID = correlationID
        self.clientID = clientID
    }

    /// The part that every version of every API starts with, so that even an unknown request can be answered.
    package static let fixedLength = 8

    /// Reads the header and leaves `frame` at the body.
    ///
    /// - Parameter isFlexible: Whether the api's version is flexible; only the caller knows the apis.
    package static func read(
        _ frame: inout ByteBuffer,
        isFlexible: (APIKey, Int16) -> Bool
    ) throws(WireError) -> RequestHeader {
        guard let (key, version, correlationID) = frame.readMultipleIntegers(as: (Int16, Int16, Int32).self) else {
            throw .truncated(field: "request header", needed: fixedLength, remaining: frame.readableBytes)
        }
        let apiKey = APIKey(rawValue: key)
        var coder = WireCoder.reader(frame, version: version, isFlexible: isFlexible(apiKey, version))
        var clientID: String?
        try coder.nullableShortString("ClientId", &clientID)
        try coder.taggedFields()
        frame = coder.remaining
        return RequestHeader(key: apiKey, version: version, correlationID: correlationID, clientID: clientID)
    }

    /// Appends the header.
    package func write(to output: inout WireOutput, isFlexible: Bool) throws(WireError) {
        output.bytes.writeMultipleIntegers(key.rawValue, version, correlationID)
        var coder = WireCoder.writer(output, version: version, isFlexible: isFlexible)
        output = WireOutput(bytes: ByteBuffer())
        var clientID = clientID
        try coder.nullableShortString("ClientId", &clientID)
        try coder.taggedFields()
        output = coder.output
    }
}

/// Whole frames: a length of four bytes, a header and a body.
package enum Frame {
    /// The bytes of the length in front of each frame.
    package static let lengthBytes = 4
    /// The room a frame starts with: enough for most, so that its buffer is allocated once and does not grow in steps.
    private static let initialCapacity = 512

    /// A request's frame, length included.
    package static func request<Request: WireRequest>(
        _ request: Request,
        version: Int16,
        correlationID: Int32,
        clientID: String?
    ) throws(WireError) -> WireOutput {
        let isFlexible = Request.api.isFlexible(version)
        var output = WireOutput(bytes: ByteBuffer())
        output.bytes.reserveCapacity(initialCapacity)
        output.bytes.writeInteger(0, as: Int32.self)
        let header = RequestHeader(
            key: Request.api.key,
            version: version,
            correlationID: correlationID,
            clientID: clientID
        )
        try header.write(to: &output, isFlexible: isFlexible)
        try request.write(to: &output, version: version, isFlexible: isFlexible)
        try setLength(&output, start: 0)
        return output
    }

    /// A response's frame, length included, appended to `buffer`: in place, if the caller lets go of it.
    ///
    /// The header's form follows the api, see ``API/hasFlexibleResponseHeader(_:)``.
    package static func response(
        _ response: some WireStruct,
        api: API,
        version: Int16,
        correlationID: Int32,
        into buffer: consuming ByteBuffer = ByteBuffer()
    ) throws(WireError) -> WireOutput {
        let start = buffer.writerIndex
        var output = WireOutput(bytes: buffer)
        output.bytes.reserveCapacity(minimumWritableBytes: initialCapacity)
        output.bytes.writeMultipleIntegers(Int32(0), correlationID)
        // A flexible header ends with its tagged fields; there are none.
        if api.hasFlexibleResponseHeader(version) { output.bytes.writeInteger(0, as: UInt8.self) }
        try response.write(to: &output, version: version, isFlexible: api.isFlexible(version))
        try setLength(&output, start: start)
        return output
    }

    /// - Parameter start: Where the frame begins.
    private static func setLength(_ output: inout WireOutput, start: Int) throws(WireError) {
        let before = start - output.bytes.readerIndex
        let length = output.length - before - lengthBytes
        guard let narrow = Int32(exactly: length) else {
            throw .valueTooLong(field: "frame", length: length, limit: Int(Int32.max))
        }
        output.bytes.setInteger(narrow, at: start)
    }
}
