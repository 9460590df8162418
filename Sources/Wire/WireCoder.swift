import Model
package import NIOCore

/// Runs the fields of one message between memory and the wire: it reads, writes, samples or describes, and the
/// message's `code(_:)` is the same for all four (the idea is that of Sun RPC's XDR, RFC 4506).
///
/// A value, owned by whoever codes the message. Reading never traps: every length is checked against what is left,
/// the array elements of a message are counted against ``WireLimits/elements``, and the depth of nesting is that of
/// the message's own types, whatever the bytes say.
package struct WireCoder {
    enum Mode {
        case read
        case write
        case sample
        case describe
    }

    let mode: Mode
    /// The version of the API in which the message travels.
    package let version: Int16
    /// Whether lengths are compact and structures end with tagged fields (KIP-482).
    package let isFlexible: Bool
    /// The bytes still to be read, or those written so far.
    var buffer: ByteBuffer
    /// The file ranges written so far, as in ``WireOutput/files``.
    var files: [(index: Int, slice: FileSlice)] = []
    /// The array elements read so far.
    var elementCount = 0
    var generator = SeededGenerator(seed: 0)
    /// The open objects and arrays of a description, outermost first.
    var open: [[(name: String, value: WireDescription)]] = []
    /// Whether a description shows one default element of each empty array and absent structure.
    var showsDefaults = false

    private init(_ mode: Mode, version: Int16, isFlexible: Bool, buffer: ByteBuffer) {
        self.mode = mode
        self.version = version
        self.isFlexible = isFlexible
        self.buffer = buffer
    }

    package static func reader(_ bytes: ByteBuffer, version: Int16, isFlexible: Bool) -> WireCoder {
        WireCoder(.read, version: version, isFlexible: isFlexible, buffer: bytes)
    }

    /// Appends to `output`.
    package static func writer(_ output: WireOutput, version: Int16, isFlexible: Bool) -> WireCoder {
        var coder = WireCoder(.write, version: version, isFlexible: isFlexible, buffer: output.bytes)
        coder.files = output.files
        return coder
    }

    package static func sampler(seed: UInt64, version: Int16, isFlexible: Bool) -> WireCoder {
        var coder = WireCoder(.sample, version: version, isFlexible: isFlexible, buffer: ByteBuffer())
        coder.generator = SeededGenerator(seed: seed)
        return coder
    }

    /// - Parameter showsDefaults: Whether one default element of each empty array and absent structure is described.
    package static func describer(version: Int16, isFlexible: Bool, showsDefaults: Bool = false) -> WireCoder {
        var coder = WireCoder(.describe, version: version, isFlexible: isFlexible, buffer: ByteBuffer())
        coder.open = [[]]
        coder.showsDefaults = showsDefaults
        return coder
    }

    /// What was written.
    package var output: WireOutput {
        var output = WireOutput(bytes: buffer)
        output.files = files
        return output
    }

    /// What was described.
    package var description: WireDescription { .object(open.first ?? []) }

    /// The bytes that were not read.
    package var remaining: ByteBuffer { buffer }

    mutating func describe(_ field: StaticString, _ value: WireDescription) {
        open[open.count - 1].append((field.description, value))
    }

    mutating func isSampledNull() -> Bool { Int.random(in: 0..<5, using: &generator) == 0 }
}
