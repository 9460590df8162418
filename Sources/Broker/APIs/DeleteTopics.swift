import Model
package import Wire

/// DeleteTopics (key 20): by name, or from version 6 on by name or id.
extension DeleteTopicsRequest: BrokerRequest {
    package func handle(_ call: Call<DeleteTopicsRequest>) {
        call.broker.control.submit {
            var response = DeleteTopicsResponse()
            let asked = call.version >= 6 ? topics : topicNames.map { Topic(name: $0) }
            response.topics = asked.map { topic in
                var result = DeleteTopicsResponse.Topic()
                result.name = topic.name
                result.topicID = topic.topicID
                do throws(RequestError) {
                    let found = try find(topic, call.broker.topics.snapshot)
                    result.name = found.name
                    result.topicID = found.id
                    try call.broker.administration.delete(found)
                } catch {
                    result.errorCode = error.code
                    // Which is not known before version 3.
                    if error.code == .topicDeletionDisabled, call.version < 3 { result.errorCode = .invalidRequest }
                    result.errorMessage = error.message
                }
                return result
            }
            call.reply(response)
        }
    }

    private func find(_ asked: Topic, _ known: Topics) throws(RequestError) -> HostedTopic {
        if let name = asked.name {
            guard asked.topicID == .zero else {
                throw RequestError(.invalidRequest, "a topic to delete is given by name or by id, not by both")
            }
            guard let topic = known[name] else {
                throw RequestError(.unknownTopicOrPartition, "The topic '\(name)' does not exist.")
            }
            return topic
        }
        guard asked.topicID != .zero else {
            throw RequestError(.invalidRequest, "a topic to delete is given by name or by id, here is neither")
        }
        guard let topic = known[asked.topicID] else {
            throw RequestError(.unknownTopicId, "No topic has the id \(asked.topicID).")
        }
        return topic
    }
}

extension DeleteTopicsRequest.Topic {
    init(name: String) {
        self.init()
        self.name = name
    }
}
