import Model
import Wire

extension Cluster {
    /// Kafka's number for the keys of groups.
    private static let groupKeys: Int8 = 0
    /// From this version on one request asks for many groups (KIP-699).
    private static let firstBatchedVersion: Int16 = 4

    /// Errors after which another broker, or the same one a little later, may answer as coordinator.
    nonisolated static let movedCoordinator: Set<ErrorCode> = [.notCoordinator, .coordinatorNotAvailable]
    nonisolated static let passingCoordinatorErrors = movedCoordinator.union([.coordinatorLoadInProgress])

    /// The ids of the brokers that coordinate groups, by group. Asks for those that are not known, again while they have
    /// none, until the operation timeout.
    nonisolated func coordinators(of groups: Set<String>) async throws(ClientError) -> [String: Int32] {
        var found = coordinators.withLock { known in known.filter { groups.contains($0.key) } }
        let deadline = Deadline(in: configuration.operationTimeout)
        var attempts = 0
        while true {
            let open = groups.subtracting(found.keys)
            if open.isEmpty { return found }
            do throws(ClientError) {
                let (new, failure) = try await findCoordinators(of: open)
                found.merge(new) { $1 }
                if let failure { throw failure }
            } catch {
                guard let code = error.code, Self.passingCoordinatorErrors.contains(code), !deadline.hasPassed else {
                    throw error
                }
                attempts += 1
                try await pause(backoff.delay(afterFailures: attempts))
            }
        }
    }

    /// The connection to a group's coordinator.
    nonisolated func coordinator(
        of group: String,
        _ lane: Lane = .general
    ) async throws(ClientError) -> BrokerConnection {
        guard let node = try await coordinators(of: [group])[group] else {
            throw ClientError(code: .coordinatorNotAvailable, context: "group '\(group)'")
        }
        do throws(ClientError) {
            return try await connection(to: node, lane)
        } catch {
            // It may be somewhere else by now.
            if error.isRetriable { forgetCoordinator(of: group) }
            throw error
        }
    }

    nonisolated func forgetCoordinator(of group: String) { coordinators.withLock { $0[group] = nil } }

    private nonisolated func findCoordinators(
        of groups: Set<String>
    ) async throws(ClientError) -> (found: [String: Int32], failure: ClientError?) {
        if metadata.nodes.isEmpty { try await refreshPatiently([]) }
        let connection = try await anyConnection()
        let version = try connection.versions.version(for: FindCoordinatorRequest.api)
        var answers: [FindCoordinatorResponse.Coordinator] = []
        if version >= Self.firstBatchedVersion {
            var request = FindCoordinatorRequest()
            request.keyType = Self.groupKeys
            request.coordinatorKeys = groups.sorted()
            answers = try await connection.start(request, version: version).response().coordinators
        } else {
            for group in groups.sorted() { answers.append(try await findCoordinator(of: group, connection, version)) }
        }
        var found: [String: Int32] = [:]
        var failure: ClientError?
        for answer in answers where groups.contains(answer.key) {
            if answer.errorCode.isError {
                failure = ClientError(
                    code: answer.errorCode,
                    context: "group '\(answer.key)'",
                    detail: answer.errorMessage
                )
            } else {
                found[answer.key] = answer.nodeID
            }
        }
        if failure == nil, let missing = groups.subtracting(found.keys).min() {
            throw ClientError(
                .protocolViolation,
                "the broker's answer leaves out the coordinator of group '\(missing)'"
            )
        }
        // A broker that has joined since is in no metadata yet.
        if found.values.contains(where: { metadata.nodes[$0] == nil }) { try await refresh() }
        let new = found
        coordinators.withLock { $0.merge(new) { $1 } }
        return (found, failure)
    }

    private nonisolated func findCoordinator(
        of group: String,
        _ connection: BrokerConnection,
        _ version: Int16
    ) async throws(ClientError) -> FindCoordinatorResponse.Coordinator {
        var request = FindCoordinatorRequest()
        request.keyType = Self.groupKeys
        request.key = group
        let response = try await connection.start(request, version: version).response()
        var answer = FindCoordinatorResponse.Coordinator()
        answer.key = group
        answer.nodeID = response.nodeID
        answer.errorCode = response.errorCode
        answer.errorMessage = response.errorMessage
        return answer
    }
}
