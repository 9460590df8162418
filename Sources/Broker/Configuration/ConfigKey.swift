/// The type of a configuration's value, numbered as in a DescribeConfigs response. Immutable.
package enum ConfigType: Int8, CaseIterable, Sendable {
    case boolean = 1
    case string = 2
    case int = 3
    case short = 4
    case long = 5
    case double = 6
    case list = 7
    case `class` = 8
    case password = 9

    /// Kafka's name of the type, as its error messages print it.
    package var name: String { String(describing: self).uppercased() }
}

/// Whether and how a broker's configuration can be changed while it runs (KIP-226). Immutable.
package enum UpdateMode: Sendable {
    /// At the next start only.
    case readOnly
    /// At run time, for one broker or for the whole cluster.
    case clusterWide
    /// At run time, for one broker only.
    case perBroker
}

/// One configuration that a topic or the broker has: the single place that knows its name, type, default, valid values
/// and meaning. Immutable.
package struct ConfigKey: Sendable {
    package let name: String
    package let type: ConfigType
    /// The default as text; nil where Kafka's is null.
    package let defaultValue: String?
    /// What the sample file shows where the default is not the same on every machine.
    package let defaultDescription: String?
    package let rule: ConfigRule
    package let update: UpdateMode
    /// Not described to clients, and not part of the documentation: for tests.
    package let isInternal: Bool
    private let meaning: String
    private let missing: String?

    /// - Parameters:
    ///   - meaning: what it does, in one sentence, with its unit.
    ///   - missing: why it has no effect yet, where it has none: what of it Martlet does not do.
    init(
        _ name: String,
        _ type: ConfigType,
        default defaultValue: String?,
        defaultDescription: String? = nil,
        _ rule: ConfigRule,
        update: UpdateMode = .readOnly,
        isInternal: Bool = false,
        _ meaning: String,
        missing: String? = nil
    ) {
        self.name = name
        self.type = type
        self.defaultValue = defaultValue
        self.defaultDescription = defaultDescription
        self.rule = rule
        self.update = update
        self.isInternal = isInternal
        self.meaning = meaning
        self.missing = missing
    }

    /// What it does, and where that is so, that it has no effect yet and why.
    package var documentation: String {
        guard let missing else { return meaning }
        return "\(meaning) Accepted, but without effect yet: \(missing)."
    }

    /// Whether setting it changes anything.
    package var hasEffect: Bool { missing == nil }

    /// Whether its value is a secret, which is never sent or logged.
    package var isSensitive: Bool { type == .password }

    package var isDynamic: Bool { update != .readOnly }

    /// Reads a value of this configuration: its type first, then its rule.
    package func parse(_ text: String) throws(ConfigurationError) -> ConfigValue {
        guard let value = ConfigValue(text, as: type) else {
            throw invalid(text, problem: ConfigValue.problem(for: type))
        }
        if let problem = rule.problem(with: value) { throw invalid(text, problem: problem) }
        return value
    }

    /// The parsed default; nil where it is null.
    var parsedDefault: ConfigValue? { defaultValue.flatMap { ConfigValue($0, as: type) } }

    private func invalid(_ text: String, problem: String) -> ConfigurationError {
        ConfigurationError(.invalidValue(key: name, value: isSensitive ? "[hidden]" : text, problem: problem))
    }
}

/// The value of a configuration, parsed. Immutable.
package enum ConfigValue: Equatable, Sendable {
    case boolean(Bool)
    /// INT, SHORT and LONG.
    case integer(Int64)
    case double(Double)
    /// STRING, CLASS and PASSWORD.
    case string(String)
    case list([String])

    /// Reads a value as Kafka's ConfigDef does: blanks around it do not count, `TRUE` is true, lists are separated by
    /// commas, and an empty text is an empty list.
    package init?(_ text: String, as type: ConfigType) {
        let trimmed = text.trimmingBlanks
        switch type {
        case .boolean:
            switch trimmed.lowercased() {
            case "true": self = .boolean(true)
            case "false": self = .boolean(false)
            default: return nil
            }
        case .int:
            guard let number = Int32(trimmed) else { return nil }
            self = .integer(Int64(number))
        case .short:
            guard let number = Int16(trimmed) else { return nil }
            self = .integer(Int64(number))
        case .long:
            guard let number = Int64(trimmed) else { return nil }
            self = .integer(number)
        case .double:
            guard let number = Double(trimmed), number.isFinite else { return nil }
            self = .double(number)
        case .list:
            let items = trimmed.split(separator: ",", omittingEmptySubsequences: false)
            self = .list(trimmed.isEmpty ? [] : items.map { String($0).trimmingBlanks })
        case .string, .class, .password: self = .string(trimmed)
        }
    }

    /// Why a text is not a value of `type`, in Kafka's words.
    static func problem(for type: ConfigType) -> String {
        switch type {
        case .boolean: "Expected value to be either true or false"
        case .int, .short, .long, .double: "Not a number of type \(type.name)"
        case .string, .list, .class, .password: "Not a \(type.name)"
        }
    }

    /// The value in its normal form, which parses to the same value.
    package var text: String {
        switch self {
        case .boolean(let value): String(value)
        case .integer(let value): String(value)
        case .double(let value): String(value)
        case .string(let value): value
        case .list(let items): items.joined(separator: ",")
        }
    }
}

extension String {
    /// The text without blanks at its ends.
    var trimmingBlanks: String {
        guard let first = firstIndex(where: { !$0.isWhitespace }), let last = lastIndex(where: { !$0.isWhitespace })
        else { return "" }
        return String(self[first...last])
    }
}
