package import Model
package import Wire

/// A client's connection as the broker sees it: where requests come from and responses go. Implemented by the transport.
package protocol ClientConnection: AnyObject, Sendable {
    /// The event loop that owns the connection.
    var reactor: any Reactor { get }
    /// The name of the listener that accepted it.
    var listener: String { get }
    /// The address at which the client reached the broker: what it is told to connect to unless configured otherwise.
    var localAddress: Endpoint { get }
    /// The client's own address.
    var remoteAddress: Endpoint { get }

    /// Answers a request; the transport sends answers in the order of the requests. Event loop only.
    ///
    /// - Parameter response: nil if the request gets no response.
    func respond(to request: UInt64, with response: WireOutput?)

    /// Registers a request that is answered later, so that the transport can end its wait. Event loop only.
    func park(_ request: UInt64, _ waiting: any ParkedRequest)

    /// Hands over no further request, and takes the memory of the last one to be in use, until ``goOn()``: for a request
    /// that is handled elsewhere for a while, whose followers must not overtake it. While a request is being handled, event
    /// loop only.
    func holdBack()

    /// Ends what ``holdBack()`` has begun, on a connection that was closed meanwhile as well. Event loop only.
    func goOn()

    /// Ends the connection because of what the client sent; logged, rate-limited. Event loop only.
    func refuse(_ reason: String)
}

/// A request that waits for something. Event loop only.
package protocol ParkedRequest: AnyObject, Sendable {
    /// The connection is gone: let go of everything, do not answer.
    func abandon()
    /// The broker is stopping: answer with what there is.
    func finishNow()
}
