import ArgumentParser
import MartletClient

/// With which status commands end, and what that tells a script. The numbers are those of sysexits.h where it has one.
enum ExitStatus: Int32, CaseIterable {
    case success = 0
    case failure = 1
    case usage = 64
    case badInput = 65
    case noInput = 66
    case unreachable = 69
    case output = 74
    case incompatible = 76
    case denied = 77
    case interrupted = 130

    /// One line for people, without a final period.
    var meaning: String {
        switch self {
        case .success: "all went well"
        case .failure: "something failed or was refused; the reason is on standard error"
        case .usage: "the command was written wrongly"
        case .badInput: "an input cannot be understood, or some of its records were left out"
        case .noInput: "an input cannot be opened or read"
        case .unreachable: "no broker could be reached, or it did not answer in time"
        case .output: "the output cannot be written"
        case .incompatible: "what answers is no Kafka broker, or its version is too far from this client's"
        case .denied: "the broker does not allow it"
        case .interrupted: "a second SIGINT or SIGTERM ended it at once"
        }
    }

    /// All of them as lines of a table, for help and manual.
    static var table: [String] {
        allCases.map { status in
            let number = String(status.rawValue)
            return String(repeating: " ", count: 5 - number.count) + number + "  " + status.meaning
        }
    }

    /// What a command ends with that met with this error.
    init(_ error: ClientError) {
        switch error.kind {
        case .connection, .timeout: self = .unreachable
        case .protocolViolation, .unsupported: self = .incompatible
        case .broker: self = error.kafkaName.map(Self.denials.contains) ?? false ? .denied : .failure
        case .invalidArgument, .closed, .cancelled: self = .failure
        }
    }

    /// Kafka's names of the errors that say that someone may not do something.
    private static let denials: Set<String> = [
        "TOPIC_AUTHORIZATION_FAILED", "GROUP_AUTHORIZATION_FAILED", "CLUSTER_AUTHORIZATION_FAILED",
        "TRANSACTIONAL_ID_AUTHORIZATION_FAILED", "DELEGATION_TOKEN_AUTHORIZATION_FAILED", "SASL_AUTHENTICATION_FAILED",
    ]

    /// To be thrown by a command that has said all it has to say.
    var exit: ExitCode { ExitCode(rawValue) }
}
