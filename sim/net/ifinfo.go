package net

import (
	"net/netip"
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/world/air"
	"github.com/nodemcu-sim/nodemcu-sim/world/lwip"
)

// Interfaces of the device (fw: STATION_IF, SOFTAP_IF).
const (
	stationIf = 0
	softAPIf  = 1
)

// ifinfo is net.ifinfo([index]), by default that of the station: nothing for no
// interface, else a table with the hardware's address as six bytes, and ip, netmask and
// gateway, which are absent when unset; a station that has got its address from the
// network has a table dhcp, too.
func (m *module) ifinfo(c *vm.Call) int {
	i := int(uint8(c.OptInt(1, 0))) // the SDK takes a byte
	if i > softAPIf {
		return 0
	}
	n := m.Stack.Netif(i)
	dhcp := i == stationIf && n.Prefix.IsValid() && n.Gateway.IsValid()
	size := 4
	if dhcp {
		size++
	}
	t := c.NewTable(0, size)
	set := func(t *vm.Table, name string, a netip.Addr) {
		if a.IsValid() && a != lwip.AnyAddr {
			m.v.SetField(t, name, addrText(a))
		}
	}
	mac := m.d.Radio.MAC(air.Interface(i))
	m.v.SetField(t, "hwaddr", m.NewString(string(mac[:])))
	if n.Prefix.IsValid() {
		set(t, "ip", n.Prefix.Addr())
		set(t, "netmask", netmask(n.Prefix.Bits()))
		set(t, "gateway", n.Gateway)
	}
	if dhcp {
		lease := c.NewTable(0, 3)
		set(lease, "server_ip", n.Gateway)
		set(lease, "client_ip", n.Prefix.Addr())
		m.v.SetField(t, "dhcp", lease)
	}
	return c.Return(t)
}

func netmask(bits int) netip.Addr {
	p, err := netip.AddrFrom4([4]byte{255, 255, 255, 255}).Prefix(bits)
	if err != nil {
		return netip.Addr{}
	}
	return p.Addr()
}

// multicastJoin is net.multicastJoin(if_ip, group).
func (m *module) multicastJoin(c *vm.Call) int {
	m.Stack.JoinGroup(groupArgs(c))
	return 0
}

// multicastLeave is net.multicastLeave(if_ip, group).
func (m *module) multicastLeave(c *vm.Call) int {
	m.Stack.LeaveGroup(groupArgs(c))
	return 0
}

// groupArgs checks the arguments as the firmware does, by their length: the address of an
// interface, and a group.
func groupArgs(c *vm.Call) (on, group netip.Addr) {
	if !c.IsString(1) {
		c.Error("wrong arg type")
	}
	ip := c.String(1)
	if ip == "" || strings.EqualFold(ip, "any") {
		ip = "0.0.0.0"
	}
	if len(ip) > 15 || len(ip) < 7 {
		c.Error("invalid if ip")
	}
	if !c.IsString(2) {
		c.Error("wrong arg type")
	}
	text := c.String(2)
	if len(text) > 15 || len(text) < 7 {
		c.Error("invalid multicast ip")
	}
	on, _ = lwip.ParseAddr(ip)
	group, _ = lwip.ParseAddr(text)
	return on, group
}
