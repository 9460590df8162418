import ArgumentParser

/// Where `martlet consume` ends, as people type it: in front of which record. A value.
enum StopOption: ExpressibleByArgument, Equatable {
    /// Behind the newest records of the start.
    case end
    /// In front of the record with this offset.
    case offset(Int64)
    /// In front of the first record of this time or later, in milliseconds since 1970-01-01T00:00Z.
    case time(Int64)

    /// `end`, an offset, or a time, which may have an `@` in front and needs one if it is a number.
    init?(argument: String) {
        if argument == "end" {
            self = .end
        } else if let offset = Int64(argument) {
            guard offset >= 0 else { return nil }
            self = .offset(offset)
        } else {
            let time = argument.hasPrefix("@") ? String(argument.dropFirst()) : argument
            guard let milliseconds = TimeParser.milliseconds(time) else { return nil }
            self = .time(milliseconds)
        }
    }
}

/// Offsets to read, both ends included, as people type them: `100..199`, `100..`, `..199`, `100`. A value.
struct OffsetRange: ExpressibleByArgument, Equatable {
    let first: Int64?
    let last: Int64?

    init?(argument: String) {
        guard let dots = argument.firstRange(of: "..") else {
            guard let offset = Self.offset(argument[...]), let offset else { return nil }
            (first, last) = (offset, offset)
            return
        }
        guard let first = Self.offset(argument[..<dots.lowerBound]),
            let last = Self.offset(argument[dots.upperBound...])
        else { return nil }
        if first == nil, last == nil { return nil }
        if let first, let last, last < first { return nil }
        (self.first, self.last) = (first, last)
    }

    /// nil inside for no text at all; nil for what is no offset.
    private static func offset(_ text: Substring) -> Int64?? {
        if text.isEmpty { return .some(nil) }
        guard let offset = Int64(text), offset >= 0, offset < .max else { return nil }
        return offset
    }
}
