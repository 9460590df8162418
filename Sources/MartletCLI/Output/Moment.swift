/// Points in time as people read them: the other way round than ``TimeParser``. Stateless.
enum Moment {
    private static let dayMilliseconds: Int64 = 86_400_000
    /// The last year that is written with four digits.
    private static let lastMilliseconds: Int64 = 253_402_300_799_999

    /// `2026-01-31T12:34:56Z`; the number itself where no calendar would be of any use.
    static func text(_ milliseconds: Int64) -> String {
        guard milliseconds >= 0, milliseconds <= lastMilliseconds else { return "\(milliseconds) ms" }
        let (year, month, day) = date(days: milliseconds / dayMilliseconds)
        let seconds = milliseconds % dayMilliseconds / 1000
        return "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))"
            + "T\(padded(seconds / 3600, 2)):\(padded(seconds / 60 % 60, 2)):\(padded(seconds % 60, 2))Z"
    }

    /// The Gregorian date so many days after 1970-01-01, by counting years from March so that leap days come last.
    private static func date(days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = days + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        return (era * 400 + yearOfEra + (month <= 2 ? 1 : 0), month, day)
    }

    private static func padded(_ number: Int64, _ digits: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, digits - text.count)) + text
    }
}
