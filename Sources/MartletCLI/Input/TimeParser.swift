/// Reads points in time as people type them. Stateless.
///
/// Milliseconds since 1970, or ISO 8601: `2026-01-31`, `2026-01-31T12:34`, `2026-01-31T12:34:56.789`, with `Z` or
/// `±hh:mm` behind the time; without them the time is UTC. A space may stand for the `T`.
enum TimeParser {
    /// Milliseconds since 1970-01-01T00:00Z; nil if `text` is no point in time.
    static func milliseconds(_ text: String) -> Int64? {
        if !text.isEmpty, text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) {
            return Int64(text)
        }
        var scanner = Scanner(text)
        guard let days = scanner.date() else { return nil }
        let date = days * 86_400_000
        if scanner.isAtEnd { return date }
        guard scanner.skip("T") || scanner.skip("t") || scanner.skip(" "), let time = scanner.time() else { return nil }
        guard let zone = scanner.zone(), scanner.isAtEnd else { return nil }
        return date + time - zone
    }

    /// Days from 1970-01-01 in the Gregorian calendar, by counting years from March so that leap days come last.
    static func days(year: Int64, month: Int64, day: Int64) -> Int64 {
        let shifted = month > 2 ? year : year - 1
        let era = shifted / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }

    private static func length(ofMonth month: Int64, _ year: Int64) -> Int64 {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// What is left of the text. A value.
    private struct Scanner {
        private var rest: Substring

        init(_ text: String) { rest = Substring(text) }

        var isAtEnd: Bool { rest.isEmpty }

        mutating func skip(_ character: Character) -> Bool {
            guard rest.first == character else { return false }
            rest.removeFirst()
            return true
        }

        /// Exactly `count` digits whose value is in `range`.
        mutating func number(_ count: Int, _ range: ClosedRange<Int64>) -> Int64? {
            let digits = rest.prefix(count)
            guard digits.utf8.count == count, digits.allSatisfy({ $0.isASCII && $0.isNumber }) else { return nil }
            guard let value = Int64(digits), range.contains(value) else { return nil }
            rest.removeFirst(count)
            return value
        }

        mutating func date() -> Int64? {
            guard let year = number(4, 1970...9999), skip("-"), let month = number(2, 1...12), skip("-") else {
                return nil
            }
            guard let day = number(2, 1...TimeParser.length(ofMonth: month, year)) else { return nil }
            return TimeParser.days(year: year, month: month, day: day)
        }

        /// Milliseconds since midnight.
        mutating func time() -> Int64? {
            guard let hour = number(2, 0...23), skip(":"), let minute = number(2, 0...59) else { return nil }
            var time = (hour * 60 + minute) * 60_000
            guard skip(":") else { return time }
            // 60 is a leap second.
            guard let second = number(2, 0...60) else { return nil }
            time += second * 1000
            guard skip(".") || skip(",") else { return time }
            let digits = rest.prefix { $0.isASCII && $0.isNumber }
            guard (1...9).contains(digits.count) else { return nil }
            rest.removeFirst(digits.count)
            let padded = (digits + "00").prefix(3)
            return Int64(padded).map { time + $0 }
        }

        /// Milliseconds that the zone is ahead of UTC.
        mutating func zone() -> Int64? {
            if isAtEnd || skip("Z") || skip("z") { return 0 }
            let sign: Int64
            if skip("+") { sign = 1 } else if skip("-") { sign = -1 } else { return nil }
            guard let hour = number(2, 0...23) else { return nil }
            _ = skip(":")
            guard let minute = number(2, 0...59) else { return nil }
            return sign * (hour * 60 + minute) * 60_000
        }
    }
}
