/// What is wrong with bytes that should be a message. Immutable. Each case names the field it was found in.
package enum WireError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The message ends inside a field.
    case truncated(field: String, needed: Int, remaining: Int)
    /// A length or count is negative where it must not be, or beyond the rest of the message.
    case badLength(field: String, length: Int, remaining: Int)
    /// A field that must have a value has none.
    case unexpectedNull(field: String)
    /// A string is not UTF-8.
    case invalidUTF8(field: String)
    /// A variable-length integer has too many bytes.
    case badVarint(field: String)
    /// The message has more array elements in all than one message may.
    case tooManyElements(field: String, limit: Int)
    /// Tagged fields are out of order, repeated or too many.
    case badTag(tag: Int, reason: String)
    /// Bytes remain after the last field.
    case trailingBytes(count: Int)
    /// A value to be written does not fit its field.
    case valueTooLong(field: String, length: Int, limit: Int)

    package var description: String {
        switch self {
        case .truncated(let field, let needed, let remaining):
            "\(field): \(needed) bytes needed, \(remaining) left in the message"
        case .badLength(let field, let length, let remaining):
            "\(field): length \(length) does not fit the \(remaining) bytes left in the message"
        case .unexpectedNull(let field): "\(field): null, but a value is required"
        case .invalidUTF8(let field): "\(field): not valid UTF-8"
        case .badVarint(let field): "\(field): variable-length integer is too long"
        case .tooManyElements(let field, let limit): "\(field): more than \(limit) array elements in one message"
        case .badTag(let tag, let reason): "tagged field \(tag): \(reason)"
        case .trailingBytes(let count): "\(count) bytes after the last field"
        case .valueTooLong(let field, let length, let limit):
            "\(field): \(length) bytes, at most \(limit) can be written"
        }
    }
}

/// Limits of what one message may contain beyond the size of its frame. Immutable.
package enum WireLimits {
    /// Strings and structures in the arrays of one message, all added up: bounds the memory that a small frame can make
    /// us allocate.
    package static let elements = 500_000
    /// Array elements whose memory is reserved before they are read; arrays that are really longer grow.
    package static let reservedElements = 1_024
    /// Tagged fields in one structure.
    package static let tags = 1_024
}
