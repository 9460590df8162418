import Model

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
    static func bytes(_ value: Int) -> String { ByteCount(value).description }

    /// In seconds, with enough digits to be useful.
    static func seconds(_ duration: Duration) -> String {
        let (seconds, attoseconds) = duration.components
        return decimal(Double(seconds) + Double(attoseconds) / 1e18, digits: 2) + " s"
    }

    /// How long ago something was: in seconds, or in the two largest units where seconds would have to be counted.
    static func age(milliseconds: Int64) -> String {
        let seconds = milliseconds / 1000
        switch seconds {
        case ..<120: return decimal(Double(milliseconds) / 1000, digits: 2) + " s"
        case ..<7200: return "\(seconds / 60) min \(seconds % 60) s"
        case ..<172_800: return "\(seconds / 3600) h \(seconds / 60 % 60) min"
        default: return "\(seconds / 86_400) d \(seconds / 3600 % 24) h"
        }
    }

    /// Per second; zero for no time at all.
    static func rate(_ amount: Int, over duration: Duration) -> Int {
        let (seconds, attoseconds) = duration.components
        let time = Double(seconds) + Double(attoseconds) / 1e18
        return time > 0 ? Int((Double(amount) / time).rounded()) : 0
    }
}
