/// Numbers as people read them. Stateless.
enum Quantity {
    /// With commas between groups of three digits.
    static func count(_ value: some BinaryInteger) -> String {
        let digits = String(value.magnitude)
        var text = ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index) % 3 == 0 { text += "," }
            text.append(digit)
        }
        return value < 0 ? "-" + text : text
    }

    /// In B, kB, MB, GB or TB of powers of 1000, with three digits.
    static func bytes(_ value: Int) -> String {
        let units = ["B", "kB", "MB", "GB", "TB"]
        var number = Double(value)
        var unit = 0
        while number >= 999.5, unit < units.count - 1 {
            number /= 1000
            unit += 1
        }
        return unit == 0
            ? "\(value) B" : "\(decimal(number, number < 9.995 ? 2 : number < 99.95 ? 1 : 0)) \(units[unit])"
    }

    /// In seconds, with enough digits to be useful.
    static func seconds(_ duration: Duration) -> String {
        let (seconds, attoseconds) = duration.components
        return decimal(Double(seconds) + Double(attoseconds) / 1e18, 2) + " s"
    }

    /// Per second; zero for no time at all.
    static func rate(_ amount: Int, over duration: Duration) -> Int {
        let (seconds, attoseconds) = duration.components
        let time = Double(seconds) + Double(attoseconds) / 1e18
        return time > 0 ? Int((Double(amount) / time).rounded()) : 0
    }

    private static func decimal(_ value: Double, _ digits: Int) -> String {
        if digits == 0 { return String(Int(value.rounded())) }
        let scale = digits == 1 ? 10.0 : 100.0
        let scaled = Int((value * scale).rounded())
        let fraction = String(scaled % Int(scale))
        return "\(scaled / Int(scale))." + String(repeating: "0", count: digits - fraction.count) + fraction
    }
}
