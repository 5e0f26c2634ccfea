package hostnet

import (
	"context"
	"errors"
	"net"
	"time"
)

// lookupTimeout is how long the resolver may take. A device asks one server for 7 s
// (oracle: net-behaviour.md 10).
const lookupTimeout = 7 * time.Second

// Lookup asks the resolver for the IPv4 addresses of a name without a final dot.
// Resolved follows.
func (n *Network) Lookup(q Query, name string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.goroutine(func() {
		ctx, cancel := context.WithTimeout(n.ctx, lookupTimeout)
		defer cancel()
		// The final dot keeps the host's search domains out.
		addrs, err := n.resolver.LookupNetIP(ctx, "ip4", name+".")
		var notFound *net.DNSError
		switch {
		case err == nil:
			n.tell(Resolved{q, Found, addrs}, nil)
		case errors.As(err, &notFound) && notFound.IsNotFound:
			n.tell(Resolved{q, NoSuchName, nil}, nil)
		default:
			n.tell(Resolved{q, Failed, nil}, nil)
		}
	})
}
