/// Reads spans of time as people type them. Stateless.
///
/// ISO 8601 without months and years, as Kafka's tools take it: `P7D`, `PT1H30M`, `P1DT0.5S`, `P2W`. Or short: `90s`,
/// `15m`, `2h`, `7d`, `500ms`.
enum PeriodParser {
    private static let week: Int64 = 7 * day
    private static let day: Int64 = 24 * hour
    private static let hour: Int64 = 60 * minute
    private static let minute: Int64 = 60 * second
    private static let second: Int64 = 1000

    /// Milliseconds; nil if `text` is no span of time, or longer than 292 million years.
    static func milliseconds(_ text: String) -> Int64? {
        let upper = text.uppercased()
        return upper.hasPrefix("P") ? standard(upper.dropFirst()) : short(text.lowercased())
    }

    private static func short(_ text: String) -> Int64? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard let count = Int64(digits) else { return nil }
        switch text.dropFirst(digits.count) {
        case "ms": return count
        case "s": return product(count, second)
        case "m": return product(count, minute)
        case "h": return product(count, hour)
        case "d": return product(count, day)
        case "w": return product(count, week)
        default: return nil
        }
    }

    private static func standard(_ text: Substring) -> Int64? {
        let parts = text.split(separator: "T", maxSplits: 1, omittingEmptySubsequences: false)
        guard let days = sum(parts[0], [("W", week), ("D", day)]) else { return nil }
        guard parts.count > 1 else { return text.isEmpty ? nil : days }
        guard !parts[1].isEmpty, let time = sum(parts[1], [("H", hour), ("M", minute), ("S", second)]) else {
            return nil
        }
        let (all, overflow) = days.addingReportingOverflow(time)
        return overflow ? nil : all
    }

    /// Numbers with the units given, each at most once and in this order; the last may have a fraction.
    private static func sum(_ text: Substring, _ units: [(name: Character, length: Int64)]) -> Int64? {
        var rest = text
        var total: Int64 = 0
        for (name, length) in units {
            guard let end = rest.firstIndex(of: name) else { continue }
            guard let part = amount(rest[..<end], of: length) else { return nil }
            let (sum, overflow) = total.addingReportingOverflow(part)
            if overflow { return nil }
            total = sum
            rest = rest[rest.index(after: end)...]
        }
        return rest.isEmpty ? total : nil
    }

    private static func amount(_ text: Substring, of length: Int64) -> Int64? {
        guard text.allSatisfy({ $0.isASCII && ($0.isNumber || $0 == ".") }) else { return nil }
        let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard let whole = Int64(parts[0]), let milliseconds = product(whole, length) else { return nil }
        guard parts.count > 1 else { return milliseconds }
        // Only seconds have fractions, down to milliseconds.
        guard length == second, let fraction = Int64((parts[1] + "00").prefix(3)), !parts[1].isEmpty else { return nil }
        let (sum, overflow) = milliseconds.addingReportingOverflow(fraction)
        return overflow ? nil : sum
    }

    private static func product(_ count: Int64, _ length: Int64) -> Int64? {
        let (value, overflow) = count.multipliedReportingOverflow(by: length)
        return overflow ? nil : value
    }
}
