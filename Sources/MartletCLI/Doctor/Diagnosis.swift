import Glibc

/// What one check of `martlet doctor` has found. Immutable.
struct Diagnosis: Equatable, Sendable {
    enum Status: String, Sendable {
        case ok
        /// Worth knowing, nothing to do.
        case note
        case warning
        case failure
        /// Could not be looked at.
        case unknown
    }

    let status: Status
    /// What was looked at, in a word.
    let check: String
    let message: String
    /// What to do about it.
    var remedy: String?

    static func ok(_ check: String, _ message: String) -> Diagnosis {
        Diagnosis(status: .ok, check: check, message: message)
    }

    var json: JSON {
        .object([
            "check": .string(check),
            "status": .string(status.rawValue),
            "message": .string(message),
            "remedy": .optional(remedy) { .string($0) },
        ])
    }

    /// For people.
    func lines(isColoured: Bool) -> [String] {
        let padded = check + String(repeating: " ", count: max(0, 10 - check.count))
        let status = status.rawValue.uppercased()
        let space = String(repeating: " ", count: max(0, 8 - status.count))
        let word = isColoured ? "\u{1b}[\(colour)m\(status)\u{1b}[0m" : status
        return ["\(word)\(space)\(padded) \(message)"] + (remedy.map { ["                    to do: \($0)"] } ?? [])
    }

    private var colour: String {
        switch status {
        case .ok: "32"
        case .note, .unknown: "36"
        case .warning: "33"
        case .failure: "31"
        }
    }

    /// Whether standard output takes colours: a terminal, and nobody said no (no-color.org).
    static var usesColours: Bool {
        guard StandardOutput.isTerminal, getenv("NO_COLOR").map({ $0.pointee == 0 }) ?? true else { return false }
        return getenv("TERM").map { String(cString: $0) != "dumb" } ?? false
    }
}
