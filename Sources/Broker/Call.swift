import Logging
import Model
import NIOCore
package import Wire

/// A request type the broker answers.
package protocol BrokerRequest: WireRequest {
    /// Handles the request: replies now, or later from any thread. On the connection's event loop; must not block.
    func handle(_ call: Call<Self>)
}

/// One request on its way through the broker, and the way back for its response. Immutable.
package struct Call<Request: BrokerRequest>: Sendable {
    package let broker: Broker
    package let connection: any ClientConnection
    package let header: RequestHeader
    /// The request's number on its connection.
    package let number: UInt64

    /// The version of the API the client speaks.
    package var version: Int16 { header.version }

    /// Sends the response. Once, from any thread.
    package func reply(_ response: Request.Response) {
        let output: WireOutput
        do throws(WireError) {
            output = try Frame.response(
                response,
                api: Request.api,
                version: header.version,
                correlationID: header.correlationID
            )
        } catch {
            broker.log.error("cannot encode the response to \(Request.api.name) v\(header.version): \(error)")
            return onLoop { $0.refuse("the response to \(Request.api.name) cannot be encoded") }
        }
        respond(output)
    }

    /// Says that the request gets no response: Produce with acks=0.
    package func replyNothing() {
        respond(nil)
    }

    /// Without a closure where none is needed: most requests are answered where they are handled.
    private func respond(_ output: WireOutput?) {
        guard !connection.reactor.isCurrent else { return connection.respond(to: number, with: output) }
        onLoop { [number] in $0.respond(to: number, with: output) }
    }

    /// Runs `body` on the connection's event loop: now if that is where we are.
    private func onLoop(_ body: @escaping @Sendable (any ClientConnection) -> Void) {
        let connection = connection
        let reactor = connection.reactor
        if reactor.isCurrent {
            body(connection)
        } else {
            reactor.execute { body(connection) }
        }
    }
}
