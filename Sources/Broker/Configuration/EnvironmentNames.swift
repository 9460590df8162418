/// How a configuration of the broker is named in the environment: `MARTLET_` and the key in capitals with `.` as `_`,
/// `_` as `__` and `-` as `___`, the rule of Kafka's own container images with another prefix.
package enum EnvironmentNames {
    package static let prefix = "MARTLET_"

    /// Variables with the prefix that are not the broker's configuration: those of the command line's clients and of
    /// the project's own tests.
    package static func isReserved(_ variable: String) -> Bool {
        reserved.contains(variable) || variable.hasPrefix(testPrefix)
    }

    private static let reserved: Set<String> = [
        "MARTLET_BINARY", "MARTLET_BOOTSTRAP", "MARTLET_CONFIG", "MARTLET_WRITE_README",
    ]
    private static let testPrefix = "MARTLET_TEST_"

    /// The variable that sets a key.
    package static func variable(for key: String) -> String {
        prefix
            + key.flatMap { character -> String in
                switch character {
                case ".": "_"
                case "_": "__"
                case "-": "___"
                default: character.uppercased()
                }
            }
    }

    /// The key a variable sets; nil if there is none of that name.
    static func key(for variable: String) -> ConfigKey? { byVariable[variable] }

    /// The variable somebody probably meant.
    static func nearest(to variable: String) -> String? { NearestName.of(variable, among: byVariable.keys) }

    private static let byVariable = Dictionary(
        uniqueKeysWithValues: BrokerKeys.all.filter { !$0.isInternal }.map { (variable(for: $0.name), $0) }
    )
}
