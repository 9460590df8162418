import Groups
import Model
import NIOCore
package import Wire

/// JoinGroup (key 11): see ``ClassicGroup``. The answer waits for the other members.
extension JoinGroupRequest: BrokerRequest {
    package func handle(_ call: Call<JoinGroupRequest>) {
        let waiting = GroupCall(call) { [memberID] code in
            var response = JoinGroupResponse()
            response.errorCode = code
            response.memberID = memberID
            response.protocolName = call.version >= 7 ? nil : ""
            return response
        }
        waiting.withShard(of: groupID) { shard, id in
            shard.handle(
                id,
                reply: { reply in
                    guard case .join(let joined) = reply else { return }
                    waiting.reply(response(joined, version: call.version))
                },
                { group, token, context, step in
                    group.join(request(waiting, shard), token, context.rules, &step)
                }
            )
        }
    }

    private func request(_ waiting: GroupCall<JoinGroupRequest>, _ shard: GroupShard) -> JoinRequest {
        let version = waiting.call.version
        var request = JoinRequest()
        request.memberID = MemberID(memberID)
        request.instanceID = groupInstanceID.map { InstanceID($0) }
        request.client = waiting.client
        request.sessionTimeoutMilliseconds = sessionTimeoutMilliseconds
        // Before there was a rebalance timeout, the session timeout was both.
        request.rebalanceTimeoutMilliseconds = version >= 1 ? rebalanceTimeoutMilliseconds : sessionTimeoutMilliseconds
        request.protocolType = protocolType
        request.protocols = protocols.map { offered in
            JoinProtocol(name: offered.name, metadata: Array(offered.metadata.readableBytesView))
        }
        request.reason = reason
        request.requiresKnownMemberID = version >= 4
        request.understandsSkippedAssignment = version >= 9
        request.hasRoom = shard.hasRoom
        request.freshMemberID = MemberID("\(request.idPrefix)-\(Self.randomSuffix())")
        return request
    }

    /// 122 random bits in the form that people know from Kafka.
    private static func randomSuffix() -> String {
        var generator = SystemRandomNumberGenerator()
        let digits = [generator.next() as UInt64, generator.next()].map { number in
            let text = String(number, radix: 16)
            return String(repeating: "0", count: 16 - text.count) + text
        }.joined()
        var parts: [Substring] = []
        var rest = digits[...]
        for length in [8, 4, 4, 4, 12] {
            parts.append(rest.prefix(length))
            rest = rest.dropFirst(length)
        }
        return parts.joined(separator: "-")
    }

    private func response(_ reply: JoinReply, version: Int16) -> JoinGroupResponse {
        var response = JoinGroupResponse()
        response.errorCode = reply.error
        response.generationID = reply.generation.rawValue
        response.protocolType = reply.protocolType
        response.protocolName = reply.protocolName ?? (version >= 7 ? nil : "")
        response.leader = reply.leader.rawValue
        response.skipAssignment = reply.skipsAssignment
        response.memberID = reply.memberID.rawValue
        response.members = reply.members.map { member in
            var result = JoinGroupResponse.Member()
            result.memberID = member.id.rawValue
            result.groupInstanceID = member.instanceID?.rawValue
            result.metadata = ByteBuffer(bytes: member.metadata)
            return result
        }
        return response
    }
}
