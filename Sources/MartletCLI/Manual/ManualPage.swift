/// The manual page martlet(1), in the language of man(7), made of what the parser says about its commands. Stateless.
enum ManualPage {
    static func text(_ root: CommandDump, version: String) -> String {
        var lines = [
            #".TH MARTLET 1 "" "\#(escaped(version))" "User Commands""#,
            ".SH NAME", #"martlet \- \#(escaped(sentence(root.abstract)))"#,
            ".SH SYNOPSIS", ".B martlet", #".I command"#, "[options] [arguments]",
            ".SH DESCRIPTION",
        ]
        lines += prose(root.discussion)
        lines.append(".SH COMMANDS")
        for command in root.leaves { lines += section(command) }
        lines += [".SH EXIT STATUS"]
        for status in ExitStatus.allCases {
            lines += [".TP", ".B \(status.rawValue)", escaped(status.meaning)]
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func section(_ command: CommandDump) -> [String] {
        var lines = [#".SS martlet \#(escaped(command.path))"#, escaped(command.abstract)]
        let positional = command.arguments.filter(\.isPositional)
        let synopsis = positional.map { argument -> String in
            let form = argument.form + (argument.isRepeating ? "…" : "")
            return argument.isOptional ? "[\(form)]" : form
        }
        lines += [".PP", ".B \(escaped("martlet " + command.path))"]
        let operands = (command.arguments.contains { !$0.isPositional } ? ["[options]"] : []) + synopsis
        if !operands.isEmpty { lines.append(escaped(operands.joined(separator: " "))) }
        if !command.discussion.isEmpty { lines += [".PP"] + prose(command.discussion) }
        for argument in command.arguments {
            lines += [".TP", ".B \(escaped(argument.form))"] + [escaped(help(argument))]
        }
        return lines
    }

    private static func help(_ argument: CommandDump.Argument) -> String {
        var help = argument.help
        if !argument.values.isEmpty { help += " Values: \(argument.values.joined(separator: ", "))." }
        if let value = argument.defaultValue { help += " Default: \(value)." }
        return help
    }

    /// Paragraphs filled, and lines that are indented or follow a line with a colon at its end as they are.
    private static func prose(_ text: String) -> [String] {
        var lines: [String] = []
        var isLiteral = false
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            let isIndented = line.hasPrefix(" ")
            if isIndented != isLiteral {
                lines.append(isIndented ? ".nf" : ".fi")
                isLiteral = isIndented
            }
            lines.append(line.isEmpty ? ".PP" : escaped(String(line)))
        }
        if isLiteral { lines.append(".fi") }
        return lines
    }

    /// Text as roff takes it literally.
    static func escaped(_ text: String) -> String {
        var result = ""
        for character in text {
            switch character {
            case "\\": result += #"\e"#
            case "-": result += #"\-"#
            case "'": result += #"\(aq"#
            case "`": result += #"\(ga"#
            case "^": result += #"\(ha"#
            case "~": result += #"\(ti"#
            case "\n": result += " "
            // Anything but ASCII would need to know in what encoding the page is read.
            case _ where !character.isASCII:
                for scalar in character.unicodeScalars {
                    let digits = String(scalar.value, radix: 16, uppercase: true)
                    result += #"\[u"# + String(repeating: "0", count: max(0, 4 - digits.count)) + digits + "]"
                }
            default: result.append(character)
            }
        }
        // A dot in front would be a request.
        return result.hasPrefix(".") ? #"\&"# + result : result
    }

    private static func sentence(_ text: String) -> String { text.hasSuffix(".") ? String(text.dropLast()) : text }
}
