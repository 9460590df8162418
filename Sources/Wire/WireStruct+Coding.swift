package import NIOCore

extension WireStruct {
    /// Reads a message body; bytes after the last field stay in the returned rest.
    package static func read(
        _ bytes: ByteBuffer,
        version: Int16,
        isFlexible: Bool
    ) throws(WireError) -> (message: Self, rest: ByteBuffer) {
        var coder = WireCoder.reader(bytes, version: version, isFlexible: isFlexible)
        var message = Self()
        try message.code(&coder)
        return (message, coder.remaining)
    }

    /// Appends the message body to `output`.
    package func write(to output: inout WireOutput, version: Int16, isFlexible: Bool) throws(WireError) {
        var coder = WireCoder.writer(output, version: version, isFlexible: isFlexible)
        // The coder holds the only reference from here on, so that it appends in place.
        output = WireOutput(bytes: ByteBuffer())
        var message = self
        try message.code(&coder)
        output = coder.output
    }

    /// A message with arbitrary values in every field of the version; the same for the same seed.
    package static func sample(seed: UInt64, version: Int16, isFlexible: Bool) throws(WireError) -> Self {
        var coder = WireCoder.sampler(seed: seed, version: version, isFlexible: isFlexible)
        var message = Self()
        try message.code(&coder)
        return message
    }

    /// The message as a tree of Kafka's field names, with the fields that exist in the version.
    package func describe(version: Int16, isFlexible: Bool) throws(WireError) -> WireDescription {
        var coder = WireCoder.describer(version: version, isFlexible: isFlexible)
        var message = self
        try message.code(&coder)
        return coder.description
    }

    /// The default of every field that exists in the version, with one element in every array.
    package static func describeDefaults(version: Int16, isFlexible: Bool) throws(WireError) -> WireDescription {
        var coder = WireCoder.describer(version: version, isFlexible: isFlexible, showsDefaults: true)
        var message = Self()
        try message.code(&coder)
        return coder.description
    }

    /// Whether both are of the same type and equal.
    package func isEqual(to other: any WireStruct) -> Bool { self == (other as? Self) }
}
