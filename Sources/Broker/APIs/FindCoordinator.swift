import Model
package import Wire

/// FindCoordinator (key 10): which broker coordinates a group or a transactional id. One broker: this one.
extension FindCoordinatorRequest: BrokerRequest {
    private enum KeyType {
        static let group: Int8 = 0
        static let transaction: Int8 = 1
        static let share: Int8 = 2
    }

    package func handle(_ call: Call<FindCoordinatorRequest>) {
        var response = FindCoordinatorResponse()
        if call.version >= 4 {
            response.coordinators = coordinatorKeys.map { coordinator(for: $0, call) }
        } else {
            let found = coordinator(for: key, call)
            response.errorCode = found.errorCode
            response.errorMessage = found.errorMessage
            response.nodeID = found.nodeID
            response.host = found.host
            response.port = found.port
        }
        call.reply(response)
    }

    private func coordinator(
        for key: String,
        _ call: Call<FindCoordinatorRequest>
    ) -> FindCoordinatorResponse.Coordinator {
        var result = FindCoordinatorResponse.Coordinator()
        result.key = key
        if let problem = problem(with: key, version: call.version) {
            let refusal = RequestError(.invalidRequest, problem)
            result.errorCode = refusal.code
            result.errorMessage = refusal.message
            result.nodeID = -1
            result.port = -1
            return result
        }
        let endpoint = call.broker.endpoint(for: call.connection)
        result.nodeID = call.broker.nodeID
        result.host = endpoint.host
        result.port = Int32(endpoint.port)
        return result
    }

    private func problem(with key: String, version: Int16) -> String? {
        switch keyType {
        case KeyType.group: return nil
        case KeyType.transaction:
            return key.isEmpty ? "a transactional id cannot be empty" : nil
        case KeyType.share where version >= 6:
            // "group:topicId:partition" (KIP-932).
            let parts = key.split(separator: ":", omittingEmptySubsequences: false)
            let isValid =
                parts.count == 3 && !parts[0].isEmpty && TopicID(String(parts[1])) != nil && Int32(parts[2]) != nil
            return isValid ? nil : "a share coordinator's key is group:topicId:partition, not '\(key)'"
        default: return "unknown coordinator type \(keyType)"
        }
    }
}
