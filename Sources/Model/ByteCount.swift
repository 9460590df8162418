/// A number of bytes as people read it: in B, kB, MB, GB or TB of powers of 1000, with three digits. A value.
package struct ByteCount: CustomStringConvertible, Sendable {
    private static let units = ["B", "kB", "MB", "GB", "TB"]
    package let bytes: Int

    package init(_ bytes: Int) { self.bytes = bytes }

    package var description: String {
        var number = Double(bytes)
        var unit = 0
        while number >= 999.5, unit < Self.units.count - 1 {
            number /= 1000
            unit += 1
        }
        if unit == 0 { return "\(bytes) B" }
        return "\(decimal(number, digits: number < 9.995 ? 2 : number < 99.95 ? 1 : 0)) \(Self.units[unit])"
    }
}

/// A number with so many digits behind the point, two at most.
package func decimal(_ value: Double, digits: Int) -> String {
    if digits == 0 { return String(Int(value.rounded())) }
    let scale = digits == 1 ? 10.0 : 100.0
    let scaled = Int((value * scale).rounded())
    let fraction = String(scaled % Int(scale))
    return "\(scaled / Int(scale))." + String(repeating: "0", count: digits - fraction.count) + fraction
}
