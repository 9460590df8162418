import Model
import Wire

/// What a configuration belongs to. A value.
public enum ConfigResource: Hashable, Sendable {
    /// A topic, by name.
    case topic(String)
    /// A broker, by id.
    case broker(Int32)
    /// A consumer group, by id (KIP-848).
    case group(String)

    /// Kafka's number for the sort of resource.
    var type: Int8 {
        switch self {
        case .topic: 2
        case .broker: 4
        case .group: 32
        }
    }

    var name: String {
        switch self {
        case .topic(let name): name
        case .broker(let id): String(id)
        case .group(let id): id
        }
    }

    var context: String {
        switch self {
        case .topic(let name): "topic '\(name)'"
        case .broker(let id): "broker \(id)"
        case .group(let id): "group '\(id)'"
        }
    }
}

/// One configuration of a topic, broker or group. Immutable.
public struct ConfigEntry: Equatable, Sendable {
    /// Where a value comes from (KIP-226).
    public enum Source: Equatable, Sendable {
        /// Set on the topic.
        case topic
        /// Set on the broker while it runs.
        case dynamicBroker
        /// Set on all brokers while they run.
        case dynamicDefaultBroker
        /// From the broker's configuration file.
        case staticBroker
        /// Nobody set it.
        case defaultValue
        /// Any other; Kafka's number for it.
        case other(Int8)

        init(_ number: Int8) {
            switch number {
            case 1: self = .topic
            case 2: self = .dynamicBroker
            case 3: self = .dynamicDefaultBroker
            case 4: self = .staticBroker
            case 5: self = .defaultValue
            default: self = .other(number)
            }
        }
    }

    /// Kafka's name of the configuration.
    public let name: String
    /// The value; nil if it has none, or is secret.
    public let value: String?
    /// Where the value comes from.
    public let source: Source
    /// Whether it is fixed while the broker runs.
    public let isReadOnly: Bool
    /// Whether the value is kept secret.
    public let isSensitive: Bool
    /// What it means, if that was asked for and the broker says.
    public let documentation: String?
}

/// A change of one configuration. A value.
public enum ConfigChange: Equatable, Sendable {
    /// Sets a value.
    case set(name: String, value: String)
    /// Goes back to the default.
    case delete(name: String)
    /// Adds members to a list, such as `compact` to `cleanup.policy`; those separated by commas.
    case append(name: String, value: String)
    /// Takes members out of a list.
    case subtract(name: String, value: String)

    /// As requests say it.
    var wire: IncrementalAlterConfigsRequest.Config {
        var config = IncrementalAlterConfigsRequest.Config()
        switch self {
        case .set(let name, let value): (config.name, config.operation, config.value) = (name, 0, value)
        case .delete(let name): (config.name, config.operation) = (name, 1)
        case .append(let name, let value): (config.name, config.operation, config.value) = (name, 2, value)
        case .subtract(let name, let value): (config.name, config.operation, config.value) = (name, 3, value)
        }
        return config
    }
}

extension Admin {
    /// All configurations of a topic, broker or group, with their sources, by name.
    ///
    /// - Parameter includingDocumentation: Whether to ask for their meaning too (KIP-569).
    public func describeConfigs(
        _ resource: ConfigResource,
        includingDocumentation: Bool = false
    ) async throws(ClientError) -> [ConfigEntry] {
        var request = DescribeConfigsRequest()
        request.includeDocumentation = includingDocumentation
        var item = DescribeConfigsRequest.Resource()
        item.type = resource.type
        item.name = resource.name
        request.resources = [item]
        return try await send(to: resource, request) { response throws(ClientError) in
            guard let answer = response.resources.first else { throw Self.missing(resource.context) }
            try Self.check(answer.errorCode, resource.context, answer.errorMessage)
            return answer.configs.sorted { $0.name < $1.name }.map { config in
                ConfigEntry(
                    name: config.name,
                    value: config.value,
                    source: ConfigEntry.Source(config.source),
                    isReadOnly: config.isReadOnly,
                    isSensitive: config.isSensitive,
                    documentation: config.documentation
                )
            }
        }
    }

    /// Changes configurations of a topic, broker or group; those not mentioned stay (KIP-339). All or none are changed.
    ///
    /// - Parameter validateOnly: Whether to only ask if the changes are possible.
    ///
    /// Throws ``ClientError`` named `INVALID_CONFIG` if a name or value is not valid.
    public func alterConfigs(
        _ resource: ConfigResource,
        _ changes: [ConfigChange],
        validateOnly: Bool = false
    ) async throws(ClientError) {
        var request = IncrementalAlterConfigsRequest()
        request.validateOnly = validateOnly
        var item = IncrementalAlterConfigsRequest.Resource()
        item.type = resource.type
        item.name = resource.name
        item.configs = changes.map(\.wire)
        request.resources = [item]
        try await send(to: resource, request) { response throws(ClientError) in
            guard let answer = response.resources.first else { throw Self.missing(resource.context) }
            try Self.check(answer.errorCode, resource.context, answer.errorMessage)
        }
    }

    /// A broker's configuration is known to that broker only.
    private func send<Request: WireRequest, Value>(
        to resource: ConfigResource,
        _ request: Request,
        check: (Request.Response) throws(ClientError) -> Value
    ) async throws(ClientError) -> Value {
        guard case .broker(let id) = resource else { return try await send(request, check: check) }
        if cluster.metadata.nodes.isEmpty { try await cluster.refresh() }
        return try check(try await cluster.connection(to: id).send(request))
    }
}
