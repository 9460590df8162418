/// What the transport needs to know. Immutable.
package struct ServerSettings: Sendable {
    /// `socket.request.max.bytes`: the largest frame.
    package var maximumFrameBytes = 100 * 1024 * 1024
    /// `queued.max.request.bytes`: memory for requests that are being received, over all connections.
    package var maximumQueuedBytes = 512 * 1024 * 1024
    /// `socket.send.buffer.bytes`: with the kernel's own choice, large sendfile(2) responses cost twice as much; 0 leaves
    /// it to the system.
    package var sendBufferBytes = 512 * 1024
    /// `socket.receive.buffer.bytes`; 0 leaves it to the system.
    package var receiveBufferBytes = 0
    /// `socket.listen.backlog.size`.
    package var backlog = 4096
    /// `num.network.threads`.
    package var eventLoops = 2
    /// `max.connections`.
    package var maximumConnections = Int(Int32.max)
    /// `max.connections.per.ip`.
    package var maximumConnectionsPerAddress = Int(Int32.max)
    /// `connections.max.idle.ms`; nil is no limit.
    package var maximumIdle: Duration? = .seconds(600)
    /// How long a started frame or a response may make no progress.
    package var maximumStall = Duration.seconds(30)
    /// How long a stopping server waits for responses to be sent.
    package var drainTime = Duration.seconds(5)
    /// Requests of one connection that wait for their answers; above it nothing more is read from it.
    package var maximumPipelinedRequests = 1000
    /// Bytes in memory that wait to be sent to one connection; above it nothing more is read from it.
    package var maximumBufferedBytes = 4 * 1024 * 1024

    package init() {}
}
