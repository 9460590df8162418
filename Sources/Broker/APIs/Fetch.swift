import Model
package import Wire

/// Fetch (key 1): records from files, by sendfile(2); waits for them if the client wants to.
extension FetchRequest: BrokerRequest {
    package func handle(_ call: Call<FetchRequest>) {
        // Only a replica may say that it is one: a client that does could corrupt replication (CVE-2018-1288).
        guard replicaID < 0, replicaState.replicaID < 0 else {
            call.connection.refuse("a fetch claims to come from replica \(max(replicaID, replicaState.replicaID))")
            return
        }
        do throws(FetchRefusal) {
            let plan = try call.broker.fetchSessions.plan(
                self,
                version: call.version,
                maximumBytes: call.broker.settings.fetchMaxBytes
            )
            PendingFetch.start(plan, call)
        } catch {
            var response = FetchResponse()
            response.errorCode = error.code
            call.reply(response)
        }
    }
}
