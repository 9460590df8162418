/// Stops the process when something the design calls impossible has happened, in every build configuration.
///
/// For bugs only, never for input: what comes from the network or the disk throws. Each message starts with the
/// invariant's number in the architecture article (`I1:` …) where it has one.
@inlinable
package func invariant(
    _ condition: @autoclosure () -> Bool,
    _ message: @autoclosure () -> String,
    file: StaticString = #fileID,
    line: UInt = #line
) {
    if !condition() { invariantViolated(message(), file: file, line: line) }
}

/// The cold half of ``invariant(_:_:file:line:)``: `precondition` drops its message in release builds, this keeps it.
@inline(never)
@usableFromInline
package func invariantViolated(_ message: String, file: StaticString, line: UInt) -> Never {
    fatalError("invariant violated: \(message)", file: file, line: line)
}
