public import NIOCore

/// Proves to a broker who the client is, by one of SASL's mechanisms. One value serves all connections of a client, and
/// several at once.
///
/// ``PlainAuthenticator`` is one; for others write your own. A mechanism with one message sends it and is done; one with
/// several, as SCRAM, looks at what the broker answers.
public protocol Authenticator: Sendable {
    /// The mechanism's name as SASL has it, for example `SCRAM-SHA-256`.
    var mechanism: String { get }

    /// Holds the mechanism's conversation. Returning means that the broker is satisfied; what is thrown ends the attempt to
    /// connect.
    ///
    /// - Parameter exchange: Sends bytes to the broker and returns its answer. Throws ``ClientError`` named
    ///   `SASL_AUTHENTICATION_FAILED` if the broker refuses them.
    func authenticate(
        _ exchange: (ByteBuffer) async throws(ClientError) -> ByteBuffer
    ) async throws(ClientError)
}

/// User name and password as they are (RFC 4616): only for connections that are encrypted. Immutable.
public struct PlainAuthenticator: Authenticator {
    private let user: String
    private let password: String

    /// An authenticator for a user.
    public init(user: String, password: String) {
        self.user = user
        self.password = password
    }

    /// `PLAIN`.
    public var mechanism: String { "PLAIN" }

    /// Sends the user's name and password.
    public func authenticate(
        _ exchange: (ByteBuffer) async throws(ClientError) -> ByteBuffer
    ) async throws(ClientError) {
        _ = try await exchange(ByteBuffer(string: "\0\(user)\0\(password)"))
    }
}
