extension ProducerConfiguration {
    /// A configuration by Kafka's property names; what is not given has this type's defaults.
    ///
    /// Read are those of ``ClientConfiguration/init(properties:)``, and `acks`, `enable.idempotence`, `compression.type`,
    /// `compression.gzip.level`, `compression.lz4.level`, `compression.zstd.level`, `batch.size`, `linger.ms`,
    /// `buffer.memory`, `max.in.flight.requests.per.connection`, `max.request.size` and `delivery.timeout.ms`.
    ///
    /// Throws ``ClientError`` of kind ``ClientError/Kind/invalidArgument`` that names the property, if one is unknown,
    /// missing, or has an impossible value.
    public init(properties: [String: String]) throws(ClientError) {
        var reader = PropertyReader(properties)
        self.init(client: try ClientConfiguration(&reader))
        acknowledgement =
            try reader.choice("acks", ["0": .none, "1": .leader, "all": .all, "-1": .all]) ?? acknowledgement
        isIdempotent = try reader.boolean("enable.idempotence") ?? (acknowledgement == .all)
        compression = try Self.compression(&reader)
        batchBytes = try reader.integer("batch.size", 1...(1 << 30)) ?? batchBytes
        linger = try reader.milliseconds("linger.ms") ?? linger
        bufferBytes = try reader.integer("buffer.memory", 1...Int.max) ?? bufferBytes
        maximumInFlightRequests =
            try reader.integer("max.in.flight.requests.per.connection", 1...5) ?? maximumInFlightRequests
        maximumRequestBytes = try reader.integer("max.request.size", 1...(1 << 30)) ?? maximumRequestBytes
        deliveryTimeout = try reader.milliseconds("delivery.timeout.ms") ?? deliveryTimeout
        try reader.finish("producer")
        if isIdempotent, acknowledgement != .all {
            throw ClientError(
                .invalidArgument,
                "property 'enable.idempotence' is 'true', which needs 'acks' to be 'all'"
            )
        }
        try validate()
    }

    private static func compression(_ reader: inout PropertyReader) throws(ClientError) -> Compression {
        // Kafka's own default of gzip's level is -1.
        let gzip = try reader.integer("compression.gzip.level", -1...9).flatMap { $0 < 1 ? nil : $0 }
        let lz4 = try reader.integer("compression.lz4.level", 1...17)
        let zstd = try reader.integer("compression.zstd.level", 1...22)
        let types: [String: Compression] = [
            "none": .none, "gzip": .gzip(level: gzip), "snappy": .snappy, "lz4": .lz4(level: lz4),
            "zstd": .zstd(level: zstd),
        ]
        return try reader.choice("compression.type", types) ?? .none
    }
}
