import Groups
import Model
package import Wire

/// DeleteGroups (key 42): deletes groups without members; answered when the log has it.
extension DeleteGroupsRequest: BrokerRequest {
    package func handle(_ call: Call<DeleteGroupsRequest>) {
        let waiting = GroupCall(call) { code in response { _ in code } }
        if groupsNames.isEmpty { return waiting.reply(response { _ in .none }) }
        waiting.withShards(
            creating: false,
            absent: { waiting.refuse(.groupIdNotFound) },
            { shards in
                let outcomes = Locked([String: ErrorCode]())
                let names = Set(groupsNames)
                let note: @Sendable (String, ErrorCode) -> Void = { name, code in
                    let all = outcomes.withLock { outcomes in
                        outcomes[name] = code
                        return outcomes
                    }
                    if all.count == names.count { waiting.reply(response { all[$0] ?? .none }) }
                }
                for name in names { delete(name, shards, note) }
            }
        )
    }

    private func delete(
        _ name: String,
        _ shards: GroupShards,
        _ note: @escaping @Sendable (String, ErrorCode) -> Void
    ) {
        guard GroupLimits.isName(name) else { return note(name, .invalidGroupId) }
        let id = GroupID(name)
        guard let shard = shards.shard(of: id) else { return note(name, .coordinatorNotAvailable) }
        shard.handle(
            id,
            reply: { reply in
                guard case .delete(let code) = reply else { return }
                note(name, code)
            },
            { group, token, _, step in group.delete(token, &step) }
        )
    }

    private func response(_ code: (String) -> ErrorCode) -> DeleteGroupsResponse {
        var response = DeleteGroupsResponse()
        response.results = groupsNames.map { name in
            var result = DeleteGroupsResponse.Result()
            result.groupID = name
            result.errorCode = code(name)
            return result
        }
        return response
    }
}
