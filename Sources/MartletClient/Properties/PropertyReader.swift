/// Takes Kafka's properties one by one, and tells which were not taken. A value, owned by the initializer that reads.
struct PropertyReader {
    private let properties: [String: String]
    /// What was asked for, whether it is given or not.
    private var known: Set<String> = []

    init(_ properties: [String: String]) { self.properties = properties }

    /// The value as it is; nil if it is not given.
    mutating func text(_ name: String) -> String? {
        known.insert(name)
        return properties[name].map(Self.trimmed)
    }

    mutating func integer(_ name: String, _ range: ClosedRange<Int>) throws(ClientError) -> Int? {
        guard let text = text(name) else { return nil }
        guard let value = Int(text), range.contains(value) else {
            throw Self.invalid(name, text, "a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }

    mutating func milliseconds(
        _ name: String,
        _ range: ClosedRange<Int> = 0...Int(Int32.max)
    ) throws(ClientError) -> Duration? {
        guard let text = text(name) else { return nil }
        guard let value = Int(text), range.contains(value) else {
            throw Self.invalid(name, text, "milliseconds from \(range.lowerBound) to \(range.upperBound)")
        }
        return .milliseconds(value)
    }

    mutating func boolean(_ name: String) throws(ClientError) -> Bool? {
        try choice(name, ["true": true, "false": false])
    }

    mutating func choice<Value>(_ name: String, _ values: [String: Value]) throws(ClientError) -> Value? {
        guard let text = text(name) else { return nil }
        guard let value = values[text.lowercased()] else {
            throw Self.invalid(name, text, "one of " + values.keys.sorted().joined(separator: ", "))
        }
        return value
    }

    /// Takes properties that other parts of a program read from the same place.
    mutating func ignore(_ names: some Sequence<String>) { known.formUnion(names) }

    /// Throws if a property was given that nobody asked for.
    func finish(_ what: String) throws(ClientError) {
        guard let name = properties.keys.filter({ !known.contains($0) }).min() else { return }
        let nearest = known.min { (Self.distance(name, $0), $0) < (Self.distance(name, $1), $1) }
        let hint = nearest.flatMap { Self.distance(name, $0) <= Self.similar ? "did you mean '\($0)'?" : nil }
        throw ClientError(
            .invalidArgument,
            "a \(what) has no property '\(name)'",
            hint: hint ?? "it has: " + known.sorted().joined(separator: ", ")
        )
    }

    static func invalid(_ name: String, _ value: String, _ expected: String) -> ClientError {
        ClientError(.invalidArgument, "property '\(name)' is '\(value)', but must be \(expected)")
    }

    /// How many letters may differ between a name and the one that was probably meant.
    private static let similar = 3

    private static func trimmed(_ text: String) -> String {
        let start = text.drop { $0.isWhitespace }
        return String(start.prefix(start.count - start.reversed().prefix { $0.isWhitespace }.count))
    }

    /// How many letters must be put in, taken out or changed to make one text of the other (Levenshtein).
    private static func distance(_ left: String, _ right: String) -> Int {
        var row = Array(0...right.count)
        for (number, letter) in left.enumerated() {
            var diagonal = row[0]
            row[0] = number + 1
            for (index, other) in right.enumerated() {
                let above = row[index + 1]
                row[index + 1] = min(above + 1, row[index] + 1, diagonal + (letter == other ? 0 : 1))
                diagonal = above
            }
        }
        return row[right.count]
    }
}
