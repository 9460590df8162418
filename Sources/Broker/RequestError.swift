package import Model

/// Why a request, or one item of it, is refused: Kafka's code and a sentence for people. Immutable.
package struct RequestError: Error, Equatable, Sendable, CustomStringConvertible {
    package let code: ErrorCode
    package let message: String

    /// - Parameter message: Names in it come from requests, so it is cut to a length that any version of a response can
    ///   carry: a client that sends a name of 32 KiB is to hear that it is too long.
    package init(_ code: ErrorCode, _ message: String) {
        self.code = code
        let isLong = message.utf8.count > Self.maximumLength
        self.message = isLong ? String(message.unicodeScalars.prefix(Self.maximumLength)) + "…" : message
    }

    private static let maximumLength = 1000

    package var description: String { "\(code.name): \(message)" }
}
