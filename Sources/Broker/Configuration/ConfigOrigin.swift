/// Where a value comes from, numbered as in a DescribeConfigs response. Immutable.
package enum ConfigSource: Int8, Sendable {
    case unknown = 0
    case dynamicTopic = 1
    case dynamicBroker = 2
    case dynamicDefaultBroker = 3
    case staticBroker = 4
    case `default` = 5
    case dynamicGroup = 8
}

/// Where exactly a value comes from, for error messages: the file and line, the variable or the flag. Immutable.
package enum ConfigOrigin: Equatable, Sendable, CustomStringConvertible {
    case builtIn
    case file(path: String, line: Int)
    case environment(variable: String)
    /// A flag of the command line: `--set`, `--data`, `--listen`.
    case flag(String)
    /// An IncrementalAlterConfigs request for the whole cluster.
    case cluster
    /// An IncrementalAlterConfigs request for this broker.
    case broker

    package var source: ConfigSource {
        switch self {
        case .builtIn: .default
        case .file, .environment, .flag: .staticBroker
        case .cluster: .dynamicDefaultBroker
        case .broker: .dynamicBroker
        }
    }

    package var description: String {
        switch self {
        case .builtIn: "default"
        case .file(let path, let line): "\(path):\(line)"
        case .environment(let variable): variable
        case .flag(let name): name
        case .cluster: "dynamic configuration of the cluster"
        case .broker: "dynamic configuration of the broker"
        }
    }
}

/// A setting of the command line. Immutable.
package struct ConfigOverride: Equatable, Sendable {
    package let name: String
    package let value: String
    /// The flag it was given with, for error messages.
    package let flag: String

    package init(_ name: String, _ value: String, flag: String = "--set") {
        self.name = name
        self.value = value
        self.flag = flag
    }
}
