package import Model

/// A configuration that cannot be used: what is wrong and, for the broker's own, where it was written. Immutable.
package struct ConfigurationError: Error, Equatable, Sendable, CustomStringConvertible {
    package let reason: Reason
    /// Where the setting comes from; nil for one that came in a request.
    package let origin: ConfigOrigin?

    package init(_ reason: Reason, at origin: ConfigOrigin? = nil) {
        self.reason = reason
        self.origin = origin
    }

    package enum Reason: Equatable, Sendable {
        case unknownKey(String, scope: ConfigScope, nearest: String?)
        /// A key of Kafka's that has no place in Martlet, and what to do instead.
        case foreignKey(String, advice: String)
        case unknownVariable(String, nearest: String?)
        case invalidValue(key: String, value: String, problem: String)
        /// Values that are valid on their own but not together.
        case conflict(String)
        case nullValues([String])
        case duplicateKeys
        case unknownOperation(Int8)
        case notAList(key: String, operation: ConfigOperation)
        /// A broker's key that cannot be changed while it runs.
        case readOnly([String])
        /// A key that only a single broker can have, set for the whole cluster.
        case perBrokerOnly([String])
        /// The file does not have the syntax of a properties file.
        case malformed(String)
        case unreadable(FileError)
        case tooLarge(path: String, limit: Int)
    }

    /// The error with the place where the setting was written, if it has none yet.
    func located(at place: ConfigOrigin) -> ConfigurationError {
        origin == nil ? ConfigurationError(reason, at: place) : self
    }

    /// The error in a response to AlterConfigs or CreateTopics.
    package var errorCode: ErrorCode {
        switch reason {
        case .unknownKey, .foreignKey, .unknownVariable, .invalidValue, .conflict, .notAList: .invalidConfig
        case .nullValues, .duplicateKeys, .unknownOperation, .readOnly, .perBrokerOnly: .invalidRequest
        case .malformed, .unreadable, .tooLarge: .invalidConfig
        }
    }

    /// What is wrong, without where. Names and values in it come from requests, so it is cut to a length that any
    /// version of a response can carry.
    package var message: String {
        let scalars = problem.unicodeScalars
        guard scalars.count > Self.maximumLength else { return problem }
        return String(scalars.prefix(Self.maximumLength)) + "…"
    }

    private static let maximumLength = 1000

    private var problem: String {
        switch reason {
        case .unknownKey(let key, let scope, let nearest):
            "Unknown \(scope.rawValue) config name: \(key)" + Self.suggestion(nearest)
        case .foreignKey(let key, let advice): "Martlet has no \(key): \(advice)"
        case .unknownVariable(let name, let nearest):
            "the variable \(name) names no configuration of the broker" + Self.suggestion(nearest)
        case .invalidValue(let key, let value, let problem):
            "Invalid value \(value) for configuration \(key): \(problem)"
        case .conflict(let problem): problem
        case .nullValues(let keys): "Null value not supported for : \(keys.joined(separator: ", "))"
        case .duplicateKeys: "Error due to duplicate config keys"
        case .unknownOperation(let number): "Unknown operations type \(number)"
        case .notAList(let key, let operation):
            "Can't \(operation.name) to key \(key) because its type is not LIST."
        case .readOnly(let keys):
            "Cannot update these configs dynamically: \(keys.joined(separator: ", ")). "
                + "Set them in the configuration file and restart the broker."
        case .perBrokerOnly(let keys):
            "Cannot update these configs at default cluster level, broker id must be specified: "
                + keys.joined(separator: ", ")
        case .malformed(let problem): problem
        case .unreadable(let error): "\(error)"
        case .tooLarge(let path, let limit): "\(path) has more than the \(limit) bytes a configuration file can have"
        }
    }

    package var description: String {
        guard let origin else { return message }
        return "\(origin): \(message)"
    }

    private static func suggestion(_ nearest: String?) -> String {
        guard let nearest else { return "" }
        return " (did you mean \(nearest)?)"
    }
}

/// What a configuration belongs to. Immutable.
package enum ConfigScope: String, Sendable {
    case topic
    case broker
    case group
}
