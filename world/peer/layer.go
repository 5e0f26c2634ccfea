package peer

// Layer is what a connection goes through between TCP and who uses it, as TLS does (package
// secure): its user writes and gets what is inside, and TCP carries what the layer makes of
// it.
type Layer interface {
	// Take is given what has come, End the other side's FIN. The layer hands on what is in
	// it, with Below.
	Take(data []byte)
	End()
	// Write sends data of the user's, Close says that no more of it comes. TCP's own end
	// follows.
	Write(data []byte) (int, error)
	Close()
	// Over is called once, when the connection is over: with what OnClose is told, nil
	// after Abort.
	Over(err error)
}

// Below is a connection as its layer sees it. All of it does nothing once it is over.
type Below struct{ c *Conn }

// SetLayer puts a layer on a connection that is established and on which nothing was sent.
func (c *Conn) SetLayer(l Layer) Below {
	c.layer = l
	return Below{c}
}

// Write queues what the layer has made.
func (b Below) Write(data []byte) {
	if b.c.pcb != nil && !b.c.finSent {
		b.c.write(data)
	}
}

// Connected tells the user that the layer is established.
func (b Below) Connected() {
	if b.c.pcb != nil && b.c.OnConnect != nil {
		b.c.OnConnect()
	}
}

// Data hands data to the user.
func (b Below) Data(data []byte) {
	if b.c.pcb != nil && b.c.OnData != nil {
		b.c.OnData(data)
	}
}

// End tells the user that the other side sends no more.
func (b Below) End() {
	if b.c.pcb != nil {
		b.c.end()
	}
}

// Fail ends the connection for an error of the layer's, which the user is told: what was
// written goes out, then a FIN.
func (b Below) Fail(err error) {
	c := b.c
	if c.pcb == nil {
		return
	}
	told := c.OnClose
	c.OnConnect, c.OnData, c.OnSent, c.OnEnd, c.OnClose = nil, nil, nil, nil, nil
	c.HalfOpen, c.closing = false, true
	c.push()
	if told != nil {
		told(err)
	}
}

// Reset ends the connection with a RST for an error of the layer's, which the user is told.
func (b Below) Reset(err error) {
	told := b.c.OnClose
	if b.c.pcb == nil {
		return
	}
	b.c.Abort()
	if told != nil {
		told(err)
	}
}
