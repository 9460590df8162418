import Model
import NIOCore
import Wire

/// SaslAuthenticate (key 36): one message of a mechanism's conversation.
///
/// - 1: the answer tells how long the session lasts (KIP-368).
/// - 2: flexible.
struct SaslAuthenticateRequest: WireRequest {
    typealias Response = SaslAuthenticateResponse
    static let api = API(APIKey(rawValue: 36), "SaslAuthenticate", versions: 0...2, flexibleFrom: 2)

    var bytes = ByteBuffer()

    mutating func code(_ wire: inout WireCoder) throws(WireError) {
        try wire.bytes("AuthBytes", &bytes)
        try wire.taggedFields()
    }
}

/// The broker's side of the conversation.
struct SaslAuthenticateResponse: WireStruct {
    var errorCode = ErrorCode.none
    var errorMessage: String?
    var bytes = ByteBuffer()
    /// Milliseconds after which the broker closes the connection; 0 for never.
    var sessionLifetimeMilliseconds: Int64 = 0

    mutating func code(_ wire: inout WireCoder) throws(WireError) {
        try wire.errorCode("ErrorCode", &errorCode)
        try wire.nullableString("ErrorMessage", &errorMessage)
        try wire.bytes("AuthBytes", &bytes)
        if wire.version >= 1 { try wire.int64("SessionLifetimeMs", &sessionLifetimeMilliseconds) }
        try wire.taggedFields()
    }
}
