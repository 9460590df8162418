import Groups
import Model
import Synchronization
import Wire

/// A request that a group answers, at once or when the other members have come. Thread-safe: it is answered once, and
/// not at all if the connection has gone.
final class GroupCall<Request: BrokerRequest>: ParkedRequest, Sendable {
    let call: Call<Request>
    private let refusal: @Sendable (ErrorCode) -> Request.Response
    private let isDone = Atomic<Bool>(false)

    /// On the connection's event loop.
    ///
    /// - Parameter refusal: The response that says nothing but an error.
    init(_ call: Call<Request>, refusal: @escaping @Sendable (ErrorCode) -> Request.Response) {
        self.call = call
        self.refusal = refusal
        call.connection.park(call.number, self)
    }

    func reply(_ response: Request.Response) {
        guard !isDone.exchange(true, ordering: .acquiringAndReleasing) else { return }
        call.reply(response)
    }

    func refuse(_ code: ErrorCode) { reply(refusal(code)) }

    func abandon() { isDone.store(true, ordering: .releasing) }

    /// The client looks for the coordinator again, and finds the broker that comes after this one.
    func finishNow() { refuse(.notCoordinator) }

    // MARK: The way to the group

    /// Hands the group's shard to `body`, now or once it is loaded; refuses the request if there is none.
    ///
    /// - Parameter creating: Whether the request may be the first of all groups.
    func withShard(
        of name: String,
        creating: Bool = true,
        allowsEmptyName: Bool = false,
        absent: @escaping @Sendable () -> Void = {},
        _ body: @escaping @Sendable (GroupShard, GroupID) -> Void
    ) {
        guard allowsEmptyName || !name.isEmpty, GroupLimits.isName(name) else { return refuse(.invalidGroupId) }
        withShards(creating: creating, absent: absent) { [self] shards in
            let id = GroupID(name)
            guard let shard = shards.shard(of: id) else { return refuse(.coordinatorNotAvailable) }
            body(shard, id)
        }
    }

    /// Hands all shards to `body`, now or once they are loaded; refuses the request if they cannot be.
    ///
    /// - Parameter absent: Answers if there are no groups at all, which there are if this may create them.
    func withShards(
        creating: Bool,
        absent: @escaping @Sendable () -> Void = {},
        _ body: @escaping @Sendable (GroupShards) -> Void
    ) {
        call.broker.groups.access(call.broker, creating: creating) { [self] access in
            switch access {
            case .ready(let shards): body(shards)
            case .absent: absent()
            case .failed(let code): refuse(code)
            }
        }
    }

    /// Who the client is, for those who look at the group.
    var client: ClientIdentity {
        ClientIdentity(id: call.header.clientID ?? "", host: "/" + call.connection.remoteAddress.host)
    }
}
