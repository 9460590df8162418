import Logging
import Model
package import Wire

/// InitProducerId (key 22): gives an idempotent producer its id (KIP-98).
///
/// Without a transactional id every call gets a new id with epoch 0, also when the request names the producer's old id:
/// that is how an idempotent producer starts over after a failure.
extension InitProducerIdRequest: BrokerRequest {
    package func handle(_ call: Call<InitProducerIdRequest>) {
        if let refusal = refusal(maximumTimeout: call.broker.settings.transactionMaxTimeout) {
            return call.reply(failure(refusal))
        }
        call.broker.control.submit {
            do throws(CatalogueError) {
                var response = InitProducerIdResponse()
                response.producerID = try call.broker.producerIDs.allocate().rawValue
                response.producerEpoch = 0
                call.reply(response)
            } catch {
                call.broker.log.error("no producer id can be reserved: \(error)")
                call.reply(failure(.coordinatorNotAvailable))
            }
        }
    }

    private func refusal(maximumTimeout: Duration) -> ErrorCode? {
        guard let transactionalID else { return nil }
        if transactionalID.isEmpty { return .invalidRequest }
        if transactionTimeoutMilliseconds <= 0 || Duration.milliseconds(transactionTimeoutMilliseconds) > maximumTimeout
        {
            return .invalidTransactionTimeout
        }
        // Transactions need a coordinator, which this broker does not have yet.
        return .unsupportedVersion
    }

    private func failure(_ code: ErrorCode) -> InitProducerIdResponse {
        var response = InitProducerIdResponse()
        response.errorCode = code
        response.producerEpoch = -1
        return response
    }
}
