import Model
import NIOCore
import Wire

extension BrokerConnection {
    /// Proves who the client is, before anything else but ApiVersions is sent.
    func authenticate(_ authenticator: any Authenticator) async throws(ClientError) {
        guard versions.supports(SaslHandshakeRequest.api) else {
            throw ClientError(
                .unsupported,
                "\(address) does not speak SASL",
                hint: "use a listener that authenticates clients, or leave the authenticator out"
            )
        }
        var handshake = SaslHandshakeRequest()
        handshake.mechanism = authenticator.mechanism
        let answer = try await send(handshake)
        if answer.errorCode.isError {
            let offered = answer.mechanisms.isEmpty ? "none" : answer.mechanisms.sorted().joined(separator: ", ")
            throw ClientError(
                code: answer.errorCode,
                context: "\(address)",
                detail:
                    "the broker does not accept the SASL mechanism \(authenticator.mechanism); it offers: \(offered)"
            )
        }
        let connection = self
        try await authenticator.authenticate { bytes throws(ClientError) in
            var request = SaslAuthenticateRequest()
            request.bytes = bytes
            let answer = try await connection.send(request)
            if answer.errorCode.isError {
                throw ClientError(
                    code: answer.errorCode,
                    context: "authenticating at \(connection.address) with \(authenticator.mechanism)",
                    detail: answer.errorMessage
                )
            }
            return answer.bytes
        }
    }
}
