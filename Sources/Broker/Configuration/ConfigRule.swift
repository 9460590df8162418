/// Which values of its type a configuration takes. Immutable.
///
/// Problems are worded as Kafka's ConfigDef words them, because scripts and tests of existing clients look for them.
package enum ConfigRule: Sendable {
    case any
    case atLeast(Int64)
    case between(Int64, Int64)
    /// One of several ranges of an integer: codec levels have gaps.
    case ranges([ClosedRange<Int64>])
    case fraction
    case oneOf([String])
    /// A list of some of these, without repetition, possibly empty.
    case listOf([String])
    /// A list of at least one, without repetition.
    case nonEmptyList
    /// The text takes a parser of its own, which says what is wrong; nil if nothing is.
    case custom(@Sendable (String) -> String?)

    /// What is wrong with a value; nil if nothing is.
    func problem(with value: ConfigValue) -> String? {
        switch (self, value) {
        case (.any, _): nil
        case (.atLeast(let least), .integer(let number)): Self.range(number, least, nil)
        case (.between(let least, let most), .integer(let number)): Self.range(number, least, most)
        case (.ranges(let ranges), .integer(let number)): Self.ranges(number, ranges)
        case (.fraction, .double(let number)): Self.fraction(number)
        case (.oneOf(let valid), .string(let text)): Self.choice(text, valid)
        case (.listOf(let valid), .list(let items)): Self.list(items, valid: valid)
        case (.nonEmptyList, .list(let items)):
            items.isEmpty ? "At least one value is needed" : Self.list(items, valid: [])
        case (.custom(let check), let value): check(value.text)
        case (.atLeast, _), (.between, _), (.ranges, _), (.fraction, _), (.oneOf, _), (.listOf, _),
            (.nonEmptyList, _):
            "The value's type does not fit its rule"
        }
    }

    private static func range(_ number: Int64, _ least: Int64, _ most: Int64?) -> String? {
        if number < least { return "Value must be at least \(least)" }
        if let most, number > most { return "Value must be no more than \(most)" }
        return nil
    }

    private static func ranges(_ number: Int64, _ ranges: [ClosedRange<Int64>]) -> String? {
        if ranges.contains(where: { $0.contains(number) }) { return nil }
        let texts = ranges.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound) to \($0.upperBound)" }
        return "Value must be \(texts.joined(separator: " or "))"
    }

    private static func fraction(_ number: Double) -> String? {
        if number < 0 { return "Value must be at least 0" }
        return number > 1 ? "Value must be no more than 1" : nil
    }

    private static func choice(_ text: String, _ valid: [String]) -> String? {
        valid.contains(text) ? nil : "String must be one of: \(valid.joined(separator: ", "))"
    }

    private static func list(_ items: [String], valid: [String]) -> String? {
        if items.contains("") { return "List items must not be empty" }
        if Set(items).count != items.count { return "List items must not be repeated" }
        if valid.isEmpty { return nil }
        for item in items {
            if let problem = choice(item, valid) { return problem }
        }
        return nil
    }
}
