import Groups
import Model
import NIOCore
package import Wire

/// SyncGroup (key 14): see ``ClassicGroup``. The answer waits for the leader's assignments, and for the log to have them.
extension SyncGroupRequest: BrokerRequest {
    package func handle(_ call: Call<SyncGroupRequest>) {
        let waiting = GroupCall(call) { code in
            var response = SyncGroupResponse()
            response.errorCode = code
            return response
        }
        // The client says what it takes the protocol for so that it can be compared (KIP-559).
        if call.version >= 5, protocolType == nil || protocolName == nil {
            return waiting.refuse(.inconsistentGroupProtocol)
        }
        waiting.withShard(of: groupID) { shard, id in
            var request = request
            request.room = shard.room
            let asked = request
            shard.handle(
                id,
                reply: { reply in
                    guard case .sync(let synced) = reply else { return }
                    var response = SyncGroupResponse()
                    response.errorCode = synced.error
                    response.protocolType = synced.protocolType
                    response.protocolName = synced.protocolName
                    response.assignment = ByteBuffer(bytes: synced.assignment)
                    waiting.reply(response)
                },
                { group, token, context, step in group.sync(asked, token, context.rules, &step) }
            )
        }
    }

    private var request: SyncRequest {
        var request = SyncRequest()
        request.generation = Generation(generationID)
        request.memberID = MemberID(memberID)
        request.instanceID = groupInstanceID.map { InstanceID($0) }
        request.protocolType = protocolType
        request.protocolName = protocolName
        request.assignments = assignments.map { assigned in
            (MemberID(assigned.memberID), Array(assigned.assignment.readableBytesView))
        }
        return request
    }
}
