/// A command as the parser describes itself: its options, its arguments and the commands below it. Immutable.
///
/// Read from the parser's own dump, so that what is made of it cannot be out of date.
struct CommandDump: Equatable {
    /// An option, flag or argument.
    struct Argument: Equatable {
        /// As it is typed: `-b, --bootstrap <host:port,…>`, or `<topic>`.
        let form: String
        let isPositional: Bool
        let isOptional: Bool
        let isRepeating: Bool
        let help: String
        let defaultValue: String?
        let values: [String]
    }

    /// With the commands above it: `topic create`; empty for the root.
    let path: String
    let abstract: String
    let discussion: String
    let arguments: [Argument]
    let subcommands: [CommandDump]

    /// All commands that do something, in the order of the help.
    var leaves: [CommandDump] { subcommands.isEmpty ? [self] : subcommands.flatMap(\.leaves) }

    /// Reads the parser's dump. Throws ``JSON/Problem`` if it is none.
    init(parsing text: String) throws(JSON.Problem) {
        let dump = try JSON(parsing: Array(text.utf8))
        guard let root = dump["command"] else { throw JSON.Problem(description: "the dump has no command") }
        self.init(root, below: nil)
    }

    /// - Parameter parent: The path of the command above; nil for the root.
    private init(_ dump: JSON, below parent: String?) {
        let name = dump["commandName"]?.text(orElse: "") ?? ""
        let path =
            switch parent {
            case nil: ""
            case "": name
            case let parent?: "\(parent) \(name)"
            }
        self.path = path
        abstract = dump["abstract"]?.text(orElse: "") ?? ""
        discussion = dump["discussion"]?.text(orElse: "") ?? ""
        arguments = (dump["arguments"]?.elements ?? []).filter(\.isShown).map(Argument.init)
        // The parser's own command for help explains nothing that --help does not.
        subcommands = (dump["subcommands"]?.elements ?? []).filter(\.isShown)
            .filter { $0["commandName"] != .string("help") }
            .map { CommandDump($0, below: path) }
    }
}

extension CommandDump.Argument {
    fileprivate init(_ dump: JSON) {
        isPositional = dump["kind"] == .string("positional")
        isOptional = dump["isOptional"] == .bool(true)
        isRepeating = dump["isRepeating"] == .bool(true)
        help = [dump["abstract"], dump["discussion"]].compactMap { $0?.text(orElse: "") }.filter { !$0.isEmpty }
            .joined(separator: " ")
        defaultValue = dump["defaultValue"]?.text(orElse: nil)
        values = (dump["allValues"]?.elements ?? []).compactMap { $0.text(orElse: nil) }
        let value = dump["valueName"]?.text(orElse: "") ?? ""
        let names = (dump["names"]?.elements ?? []).map { name -> String in
            let text = name["name"]?.text(orElse: "") ?? ""
            return name["kind"] == .string("long") ? "--\(text)" : "-\(text)"
        }
        let joined = names.sorted { $0.utf8.count < $1.utf8.count }.joined(separator: ", ")
        switch dump["kind"] {
        case .string("positional"): form = "<\(value)>"
        case .string("option"): form = "\(joined) <\(value)>"
        default: form = joined
        }
    }
}

extension JSON {
    fileprivate var elements: [JSON] {
        guard case .array(let values) = self else { return [] }
        return values
    }

    fileprivate var isShown: Bool { self["shouldDisplay"] != .bool(false) }

    fileprivate func text(orElse other: String?) -> String? {
        guard case .string(let text) = self else { return other }
        return text
    }
}
