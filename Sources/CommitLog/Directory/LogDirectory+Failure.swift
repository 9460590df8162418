import Model

/// What a failed sync does to a log directory.
extension LogDirectory {
    /// Why the directory takes nothing more; nil while all is well.
    package var failure: LogError? { groupCommit.failure }

    /// Has `handler` told, once and on any thread, when the directory goes out of use. After that whoever waits on one of
    /// its logs is told that nothing more will come.
    package func setFailureHandler(_ handler: @escaping @Sendable (LogError) -> Void) {
        groupCommit.setFailureHandler { [weak self, suspicion] error in
            suspicion.raise(error)
            handler(error)
            for log in self?.logs ?? [] { log.notify { $0.logClosed() } }
        }
    }

    /// Has `handler` told when there is something new for ``checkpoint()``. It must not block.
    func setChangeHandler(_ handler: @escaping @Sendable () -> Void) { groupCommit.setChangeHandler(handler) }

    /// Takes a failed sync of the directory's own files for what it is.
    func note(_ error: LogError) {
        if case .storage(let reason) = error, reason.operation.hasPrefix("sync") { groupCommit.fail(reason) }
    }
}
