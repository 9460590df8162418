import Model
package import Wire

/// CreatePartitions (key 37): gives topics more partitions. Keys then go to other partitions than before; that is the
/// caller's decision.
extension CreatePartitionsRequest: BrokerRequest {
    package func handle(_ call: Call<CreatePartitionsRequest>) {
        call.broker.control.submit {
            var response = CreatePartitionsResponse()
            response.topics = topics.map { topic in
                var result = CreatePartitionsResponse.Topic()
                result.name = topic.name
                do throws(RequestError) {
                    try call.broker.administration.addPartitions(
                        topic.name,
                        total: topic.partitionCount,
                        assignments: topic.assignments?.map(\.brokerIDs),
                        validateOnly: validateOnly
                    )
                } catch {
                    result.errorCode = error.code
                    result.errorMessage = error.message
                }
                return result
            }
            call.reply(response)
        }
    }
}
