import Model

/// What went wrong, in plain words, and what can be done about it. Immutable.
///
/// The one error type of this library. Decide by ``kind``, ``isRetriable`` and ``kafkaName``; show ``description``.
public struct ClientError: Error, Equatable, Sendable {
    /// The sort of failure.
    public enum Kind: String, Equatable, Sendable {
        /// No connection could be made, or it broke: the name did not resolve, the port was closed, the peer hung up.
        case connection
        /// No answer came in the time allowed.
        case timeout
        /// The peer's bytes are not the Kafka protocol, or break its rules.
        case protocolViolation
        /// The broker speaks no version of an API that this client speaks, or lacks it altogether.
        case unsupported
        /// The broker answered with an error; ``ClientError/kafkaName`` names it.
        case broker
        /// The caller passed something that cannot work.
        case invalidArgument
        /// The client was closed.
        case closed
        /// The calling task was cancelled.
        case cancelled
    }

    /// The sort of failure.
    public let kind: Kind
    /// What happened, with the values involved. One line, without a final period.
    public let message: String
    /// Kafka's name of the error, for example `OFFSET_OUT_OF_RANGE`; nil unless ``kind`` is ``Kind/broker``.
    public let kafkaName: String?
    /// Kafka's number of the error; nil unless ``kind`` is ``Kind/broker``.
    public let kafkaCode: Int16?
    /// Whether the same call may succeed later without anything being changed.
    public let isRetriable: Bool
    /// What to do about it, where something useful is known. One line, without a final period.
    public let hint: String?

    init(
        _ kind: Kind,
        _ message: String,
        hint: String? = nil,
        isRetriable: Bool = false,
        code: ErrorCode? = nil
    ) {
        self.kind = kind
        self.message = message
        self.hint = hint
        self.isRetriable = isRetriable
        kafkaName = code?.name
        kafkaCode = code?.rawValue
    }

    /// An error that a broker answered with.
    ///
    /// - Parameters:
    ///   - context: What was being done, for example `topic 'orders'`.
    ///   - detail: The broker's own message, which says more than the code where there is one.
    init(code: ErrorCode, context: String, detail: String? = nil) {
        let words = detail.flatMap { $0.isEmpty ? nil : $0 } ?? ErrorTexts.meaning(of: code)
        self.init(
            .broker,
            "\(context): \(words) (\(code.name))",
            hint: ErrorTexts.hint(for: code),
            isRetriable: code.isRetriable,
            code: code
        )
    }

    /// The same error, with what was being done in front of its message.
    public func adding(context: String) -> ClientError {
        ClientError(kind, "\(context): \(message)", hint: hint, isRetriable: isRetriable, code: code)
    }

    /// Kafka's error, if a broker sent one.
    var code: ErrorCode? { kafkaCode.map(ErrorCode.init(rawValue:)) }

    static let cancelled = ClientError(.cancelled, "the task was cancelled")

    static func closed(_ what: String) -> ClientError { ClientError(.closed, "the \(what) is closed") }
}

extension ClientError: CustomStringConvertible {
    /// The message, and the hint if there is one.
    public var description: String { hint.map { "\(message)\nhint: \($0)" } ?? message }
}
