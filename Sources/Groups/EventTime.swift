package import Model

/// When an event reached a group: by the wall clock for what is written down, by the monotonic one for how long things
/// took. Immutable.
package struct EventTime: Equatable, Sendable {
    package let timestamp: Timestamp
    package let instant: Instant

    package init(timestamp: Timestamp, instant: Instant) {
        self.timestamp = timestamp
        self.instant = instant
    }
}
