extension ClientConfiguration {
    /// A configuration by Kafka's property names; `bootstrap.servers` is needed, the others have this type's defaults.
    ///
    /// Read are `bootstrap.servers`, `client.id`, `socket.connection.setup.timeout.ms`, `request.timeout.ms`,
    /// `default.api.timeout.ms`, `retry.backoff.ms`, `retry.backoff.max.ms`, `reconnect.backoff.ms`,
    /// `reconnect.backoff.max.ms`, `metadata.max.age.ms`, `security.protocol` (`PLAINTEXT`, `SASL_PLAINTEXT`),
    /// `sasl.mechanism` (`PLAIN`), `sasl.username` and `sasl.password`. TLS has no properties: see ``prepareConnection``.
    ///
    /// Throws ``ClientError`` of kind ``ClientError/Kind/invalidArgument`` that names the property, if one is unknown,
    /// missing, or has an impossible value.
    public init(properties: [String: String]) throws(ClientError) {
        var reader = PropertyReader(properties)
        try self.init(&reader)
        try reader.finish("client")
    }

    init(_ reader: inout PropertyReader) throws(ClientError) {
        guard let servers = reader.text("bootstrap.servers") else {
            throw ClientError(
                .invalidArgument,
                "the property 'bootstrap.servers' is missing",
                hint: "for example bootstrap.servers=127.0.0.1:9092"
            )
        }
        try self.init(bootstrap: servers)
        clientID = reader.text("client.id") ?? clientID
        connectTimeout = try reader.milliseconds("socket.connection.setup.timeout.ms", Self.positive) ?? connectTimeout
        requestTimeout = try reader.milliseconds("request.timeout.ms", Self.positive) ?? requestTimeout
        operationTimeout = try reader.milliseconds("default.api.timeout.ms") ?? operationTimeout
        retryBackoff = try reader.milliseconds("retry.backoff.ms") ?? retryBackoff
        maximumRetryBackoff = try reader.milliseconds("retry.backoff.max.ms") ?? maximumRetryBackoff
        reconnectBackoff = try reader.milliseconds("reconnect.backoff.ms") ?? reconnectBackoff
        maximumReconnectBackoff = try reader.milliseconds("reconnect.backoff.max.ms") ?? maximumReconnectBackoff
        metadataMaximumAge = try reader.milliseconds("metadata.max.age.ms", Self.positive) ?? metadataMaximumAge
        authenticator = try Self.authenticator(&reader)
    }

    private static let positive = 1...Int(Int32.max)

    private static func authenticator(_ reader: inout PropertyReader) throws(ClientError) -> (any Authenticator)? {
        let (protocolName, mechanism) = (reader.text("security.protocol"), reader.text("sasl.mechanism"))
        let (user, password) = (reader.text("sasl.username"), reader.text("sasl.password"))
        switch (protocolName ?? "PLAINTEXT").uppercased() {
        case "PLAINTEXT": return nil
        case "SASL_PLAINTEXT": break
        case "SSL", "SASL_SSL":
            throw ClientError(
                .invalidArgument,
                "property 'security.protocol' is '\(protocolName ?? "")', which properties alone cannot set up",
                hint: "set prepareConnection to a closure that adds a TLS handler"
            )
        default:
            throw PropertyReader.invalid("security.protocol", protocolName ?? "", "PLAINTEXT or SASL_PLAINTEXT")
        }
        guard (mechanism ?? "PLAIN").uppercased() == "PLAIN" else {
            throw ClientError(
                .invalidArgument,
                "property 'sasl.mechanism' is '\(mechanism ?? "")', which properties alone cannot set up",
                hint: "set authenticator to one for this mechanism"
            )
        }
        guard let user, let password else {
            throw ClientError(.invalidArgument, "SASL_PLAINTEXT needs 'sasl.username' and 'sasl.password'")
        }
        return PlainAuthenticator(user: user, password: password)
    }
}
