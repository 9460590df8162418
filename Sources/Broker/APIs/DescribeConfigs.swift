import Groups
import Model
package import Wire

/// The kinds of resources that have configurations, numbered as in requests (KIP-133).
enum ConfigResource {
    static let topic: Int8 = 2
    static let broker: Int8 = 4
    static let group: Int8 = 32
}

/// DescribeConfigs (key 32): every configuration of a topic or the broker, with its value and where that comes from.
extension DescribeConfigsRequest: BrokerRequest {
    package func handle(_ call: Call<DescribeConfigsRequest>) {
        var response = DescribeConfigsResponse()
        response.resources = distinctResources.map { resource in
            var result = DescribeConfigsResponse.Resource()
            result.type = resource.type
            result.name = resource.name
            do throws(RequestError) {
                result.configs = try describe(resource, call.broker).map(encode)
            } catch {
                result.errorCode = error.code
                result.errorMessage = error.message
            }
            return result
        }
        call.reply(response)
    }

    /// The resources asked for, each once: else a small request could ask for a response of any size.
    private var distinctResources: [Resource] {
        var seen: Set<String> = []
        return resources.filter { seen.insert("\($0.type)/\($0.name)").inserted }
    }

    private func describe(_ resource: Resource, _ broker: Broker) throws(RequestError) -> [ConfigDescription] {
        switch resource.type {
        case ConfigResource.topic:
            if let problem = TopicName.problem(with: resource.name) {
                throw RequestError(.invalidTopicException, problem)
            }
            guard let topic = broker.topics.snapshot[resource.name] else {
                throw RequestError(.unknownTopicOrPartition, "The topic '\(resource.name)' does not exist.")
            }
            return try broker.administration.configuration(of: topic).describe(resource.configurationKeys)
        case ConfigResource.broker where resource.name.isEmpty:
            return broker.configuration.describeCluster(resource.configurationKeys)
        case ConfigResource.broker:
            try broker.checkIsThis(resource.name)
            return broker.configuration.describe(resource.configurationKeys)
        case ConfigResource.group:
            try GroupConfiguration.check(name: resource.name)
            let overrides = broker.groups.configurations.overrides(of: GroupID(resource.name))
            return try requestingConfiguration { () throws(ConfigurationError) in
                try GroupConfiguration(overrides: overrides, broker: broker.configuration)
            }.describe(resource.configurationKeys)
        default:
            throw RequestError(.invalidRequest, "configurations of resource type \(resource.type) are not kept here")
        }
    }

    private func encode(_ described: ConfigDescription) -> DescribeConfigsResponse.Config {
        var config = DescribeConfigsResponse.Config()
        config.name = described.name
        config.value = described.value
        config.isReadOnly = described.isReadOnly
        config.source = described.source.rawValue
        config.isSensitive = described.isSensitive
        config.type = described.type.rawValue
        config.documentation = includeDocumentation ? described.documentation : nil
        if includeSynonyms {
            config.synonyms = described.synonyms.map { synonym in
                var entry = DescribeConfigsResponse.Synonym()
                entry.name = synonym.name
                entry.value = synonym.value
                entry.source = synonym.source.rawValue
                return entry
            }
        }
        return config
    }
}
