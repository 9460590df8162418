/// The version of this program, the one place that says it.
package enum Version {
    package static let current = "0.1.0"
    /// The name by which this software introduces itself to its peers (KIP-511).
    package static let softwareName = "martlet"
}
