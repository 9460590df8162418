import Model
package import Wire

/// IncrementalAlterConfigs (key 44): sets, removes and extends configurations of topics and of the broker (KIP-339).
extension IncrementalAlterConfigsRequest: BrokerRequest {
    package func handle(_ call: Call<IncrementalAlterConfigsRequest>) {
        call.broker.control.submit {
            let repeated = repeatedResources
            var response = IncrementalAlterConfigsResponse()
            response.resources = resources.map { resource in
                var result = IncrementalAlterConfigsResponse.Resource()
                result.type = resource.type
                result.name = resource.name
                do throws(RequestError) {
                    if repeated.contains("\(resource.type)/\(resource.name)") {
                        throw RequestError(.invalidRequest, "'\(resource.name)' is given twice in the request")
                    }
                    try alter(resource, call.broker)
                } catch {
                    result.errorCode = error.code
                    result.errorMessage = error.message
                }
                return result
            }
            call.reply(response)
        }
    }

    private var repeatedResources: Set<String> {
        var seen: Set<String> = []
        return Set(resources.map { "\($0.type)/\($0.name)" }.filter { !seen.insert($0).inserted })
    }

    private func alter(_ resource: Resource, _ broker: Broker) throws(RequestError) {
        let changes = resource.configs.map { ConfigChange($0.name, operation: $0.operation, value: $0.value) }
        switch resource.type {
        case ConfigResource.topic:
            try broker.administration.alterConfigs(resource.name, changes, validateOnly: validateOnly)
        case ConfigResource.broker where resource.name.isEmpty:
            try broker.alterConfiguration(.cluster, changes, validateOnly: validateOnly)
        case ConfigResource.broker:
            try broker.checkIsThis(resource.name)
            try broker.alterConfiguration(.broker, changes, validateOnly: validateOnly)
        case ConfigResource.group:
            try broker.alterGroupConfiguration(resource.name, changes, validateOnly: validateOnly)
        default:
            throw RequestError(.invalidRequest, "configurations of resource type \(resource.type) are not kept here")
        }
    }
}
