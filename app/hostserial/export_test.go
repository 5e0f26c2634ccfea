package hostserial

// Opened reports whether a program has the port open.
func (l *Line) Opened() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.to != nil
}
