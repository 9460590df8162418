package import Model

/// Why a request, or one item of it, is refused: Kafka's code and a sentence for people. Immutable.
package struct RequestError: Error, Equatable, Sendable, CustomStringConvertible {
    package let code: ErrorCode
    package let message: String

    package init(_ code: ErrorCode, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { "\(code.name): \(message)" }
}
