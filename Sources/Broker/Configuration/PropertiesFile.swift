package import Model

/// One setting of a properties file and where it stands. Immutable.
package struct Property: Equatable, Sendable {
    package let key: String
    package let value: String
    /// The line its key is on, from 1.
    package let line: Int
}

/// Reads Java's .properties format, which Kafka's configuration files are written in, from UTF-8.
///
/// Comments start with `#` or `!`; a key ends at the first `=`, `:` or blank that is not escaped; a line that ends in an
/// odd number of backslashes goes on in the next one, whose leading blanks do not count; `\t \n \r \f \uXXXX` are
/// escapes, and a backslash before anything else stands for that character. Unlike Java, a malformed escape is an error
/// that says where it is, and so is a line without a key.
package enum PropertiesFile {
    /// Reads a file.
    package static func read(_ path: String, from fileSystem: any FileSystem) throws(ConfigurationError) -> [Property] {
        let bytes: [UInt8]
        do throws(FileError) {
            bytes = try contents(of: try fileSystem.open(path, .read))
        } catch {
            throw ConfigurationError(.unreadable(error))
        }
        if bytes.count > ConfigLimits.maximumFileBytes {
            throw ConfigurationError(.tooLarge(path: path, limit: ConfigLimits.maximumFileBytes))
        }
        return try parse(bytes, path: path)
    }

    /// Reads the text of a file; `path` is for error messages.
    package static func parse(_ bytes: [UInt8], path: String) throws(ConfigurationError) -> [Property] {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw ConfigurationError(
                .malformed("the text is not UTF-8"),
                at: .file(path: path, line: firstInvalidLine(bytes))
            )
        }
        var properties: [Property] = []
        for line in logicalLines(text) {
            do throws(ConfigurationError) {
                properties.append(try property(line))
            } catch {
                throw error.located(at: .file(path: path, line: line.number))
            }
        }
        return properties
    }

    /// The file's bytes, but not many more than a configuration file may have.
    private static func contents(of file: any File) throws(FileError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: min(try file.size(), ConfigLimits.maximumFileBytes + 1))
        var outcome = Result<Int, FileError>.success(0)
        bytes.withUnsafeMutableBytes { buffer in
            do throws(FileError) {
                outcome = .success(try file.read(into: buffer, at: .zero))
            } catch {
                outcome = .failure(error)
            }
        }
        return Array(bytes.prefix(try outcome.get()))
    }

    private static func firstInvalidLine(_ bytes: [UInt8]) -> Int {
        let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        let invalid = lines.firstIndex { String(validating: $0, as: UTF8.self) == nil }
        return (invalid ?? 0) + 1
    }
}

// MARK: - Lines

extension PropertiesFile {
    /// A line with the lines that continue it.
    private struct LogicalLine {
        let number: Int
        var scalars: [Unicode.Scalar]
    }

    /// The lines that are neither blank nor comments, continuations joined. A `#` that continues a line is not a comment.
    private static func logicalLines(_ text: String) -> [LogicalLine] {
        var lines: [LogicalLine] = []
        var open: LogicalLine?
        for (index, natural) in naturalLines(text).enumerated() {
            let content = natural.drop(while: isBlank)
            var line: LogicalLine
            if let begun = open {
                line = LogicalLine(number: begun.number, scalars: begun.scalars + content)
            } else {
                guard let first = content.first, first != "#", first != "!" else { continue }
                line = LogicalLine(number: index + 1, scalars: Array(content))
            }
            let backslashes = content.reversed().prefix { $0 == "\\" }.count
            if backslashes.isMultiple(of: 2) {
                lines.append(line)
                open = nil
            } else {
                line.scalars.removeLast()
                open = line
            }
        }
        if let open { lines.append(open) }
        return lines.filter { !$0.scalars.isEmpty }
    }

    /// Lines end with a line feed, a carriage return, or both.
    private static func naturalLines(_ text: String) -> [ArraySlice<Unicode.Scalar>] {
        let scalars = Array(text.unicodeScalars)
        var lines: [ArraySlice<Unicode.Scalar>] = []
        var start = 0
        for index in scalars.indices where scalars[index] == "\n" || scalars[index] == "\r" {
            if scalars[index] == "\n", index > 0, scalars[index - 1] == "\r" {
                start = index + 1
                continue
            }
            lines.append(scalars[start..<index])
            start = index + 1
        }
        lines.append(scalars[start...])
        return lines
    }

    private static func isBlank(_ scalar: Unicode.Scalar) -> Bool {
        scalar == " " || scalar == "\t" || scalar == "\u{c}"
    }
}

// MARK: - Keys and values

extension PropertiesFile {
    private static func property(_ line: LogicalLine) throws(ConfigurationError) -> Property {
        var rest = line.scalars[...]
        let key = try unescape(&rest) { isBlank($0) || $0 == "=" || $0 == ":" }
        rest = rest.drop(while: isBlank)
        if let separator = rest.first, separator == "=" || separator == ":" {
            rest = rest.dropFirst().drop(while: isBlank)
        }
        let value = try unescape(&rest) { _ in false }
        if key.isEmpty { throw ConfigurationError(.malformed("there is no key before '='; write key=value")) }
        return Property(key: key, value: value, line: line.number)
    }

    /// Takes characters up to one that ends the text, with escapes resolved.
    private static func unescape(
        _ rest: inout ArraySlice<Unicode.Scalar>,
        until isEnd: (Unicode.Scalar) -> Bool
    ) throws(ConfigurationError) -> String {
        var units: [UInt16] = []
        while let scalar = rest.first, !isEnd(scalar) {
            rest.removeFirst()
            guard scalar == "\\", let escaped = rest.popFirst() else {
                units.append(contentsOf: UTF16.encode(scalar) ?? UTF16.encodedReplacementCharacter)
                continue
            }
            switch escaped {
            case "t": units.append(0x09)
            case "n": units.append(0x0a)
            case "r": units.append(0x0d)
            case "f": units.append(0x0c)
            case "u": units.append(try codeUnit(&rest))
            default: units.append(contentsOf: UTF16.encode(escaped) ?? UTF16.encodedReplacementCharacter)
            }
        }
        guard let text = String(validating: units, as: UTF16.self) else {
            throw ConfigurationError(.malformed("a \\u escape is half of a surrogate pair; write both halves"))
        }
        return text
    }

    /// The four hexadecimal digits of a `\u` escape.
    private static func codeUnit(_ rest: inout ArraySlice<Unicode.Scalar>) throws(ConfigurationError) -> UInt16 {
        let digits = rest.prefix(4)
        let values = digits.compactMap { Character($0).isASCII ? Character($0).hexDigitValue : nil }
        guard values.count == 4 else {
            let text = String(String.UnicodeScalarView(digits))
            throw ConfigurationError(.malformed("'\\u\(text)' is not \\u and four hexadecimal digits"))
        }
        rest = rest.dropFirst(4)
        return values.reduce(0) { $0 << 4 | UInt16($1) }
    }
}
