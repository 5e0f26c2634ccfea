package coap

import (
	"encoding/binary"
	"net/netip"
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// respond takes a datagram for a server (fw: coap_received).
func (e *endpoint) respond(data []byte, from netip.AddrPort) {
	if len(data) > maxMessage {
		e.m.Hints.Once("coap long", "coap does not answer a request of more than %d bytes", maxMessage)
		return
	}
	request, ok := parse(data)
	if !ok {
		e.m.Hints.Once("coap malformed", "coap does not answer what is no message of its protocol")
		return
	}
	code, content, payload, ok := e.m.handle(&request)
	if !ok || len(e.ports) == 0 {
		return
	}
	answer := message{kind: acknowledgement, code: code, id: request.id, token: request.token,
		options: []option{{optionContent, binary.BigEndian.AppendUint16(nil, content)}}, payload: []byte(payload)}
	out, ok := answer.build(maxMessage + 1)
	if !ok {
		e.m.Hints.Once("coap answer", "coap gives no answer: its %d bytes are too many for a message", len(payload))
		return
	}
	e.ports[0].SendTo(out, from)
}

// handle finds the answer to a request (fw: coap_handle_req, app/coap/endpoints.c). ok is
// false when there is none, because the device resets.
func (m *module) handle(r *message) (code byte, content uint16, payload string, ok bool) {
	var path []string
	for _, o := range r.find(optionPath) {
		path = append(path, string(o.value))
	}
	is := func(method byte, first, second string, named bool) bool {
		return r.code == method && (len(path) == 2 || named && len(path) == 3) && path[0] == first && path[1] == second
	}
	switch {
	case is(codeGet, ".well-known", "core", false):
		list, ok := m.wellKnown()
		return codeContent, linkFormat, list, ok
	case is(codeGet, "v1", "v", true):
		return m.getVariable(path)
	case is(codePost, "v1", "f", true):
		return m.postFunction(path, string(r.payload))
	case is(codePost, "v1", "c", false):
		if len(r.payload) == 0 {
			return codeBad, textPlain, "", true
		}
		m.command(string(r.payload))
		return codeContent, textPlain, "", !m.d.Resetting() && !m.d.Halted()
	case is(codeGet, "v1", "id", false):
		return codeContent, textPlain, string(binary.LittleEndian.AppendUint32(nil, m.d.ChipID())), true
	}
	return codeNotFound, noContent, "", true
}

// entry returns the entry of a list that has the name at the end of a path. hang says that
// it is the one without a name, with which the firmware never ends.
func (m *module) entry(list []*entry, path []string) (found *entry, hang bool) {
	if len(path) != 3 {
		return nil, false
	}
	for _, e := range list {
		if e.name == path[2] && m.there(e) {
			return e, e.name == ""
		}
	}
	return nil, false
}

// there reports whether the name of an entry is still in memory: the firmware has not
// copied it.
func (m *module) there(e *entry) bool {
	if !m.v.HasString(e.name) {
		m.Hints.Once("coap name "+e.name, "coap looks for the name %q in freed memory: nothing of the program holds it any more. Keep the names that are given to server:var and server:func in a table", e.name)
		return false
	}
	return true
}

// getVariable is GET /v1/v/NAME.
func (m *module) getVariable(path []string) (code byte, content uint16, payload string, ok bool) {
	e, hang := m.entry(m.vars, path)
	switch {
	case hang:
		m.hang("a request for the variable without a name")
		return 0, 0, "", false
	case e == nil:
		return codeContent, textPlain, "", true
	}
	x := m.v.RawGetString(m.v.Globals(), e.name)
	text, isText := m.v.ToString(x)
	if !isText {
		return codeNotFound, noContent, "", true
	}
	return codeContent, e.content, vm.CString(text), true
}

// postFunction is POST /v1/f/NAME.
func (m *module) postFunction(path []string, payload string) (code byte, content uint16, answer string, ok bool) {
	e, hang := m.entry(m.funcs, path)
	switch {
	case hang:
		m.hang("a request for the function without a name")
		return 0, 0, "", false
	case e == nil:
		return codeNotFound, noContent, "", true
	}
	fn, isFunction := m.v.RawGetString(m.v.Globals(), e.name).(*vm.Function)
	if !isFunction {
		return codeNotFound, noContent, "", true
	}
	results := m.d.CallUnprotected("coap function "+e.name, fn, 1, m.NewString(payload))
	if len(results) == 0 { // it was killed
		return 0, 0, "", false
	}
	if results[0] == vm.Nil {
		return codeContent, textPlain, "", true
	}
	text, isText := m.v.ToString(results[0])
	if !isText {
		m.hang("the function " + e.name + ", which has returned a " + m.v.TypeName(results[0]) + ", and which the firmware calls for ever: return text, a number or nil")
		return 0, 0, "", false
	}
	if len(text) > maxPayload {
		m.d.RunUnprotected("coap function "+e.name, m.v.NewFunction(vm.Func{Name: "coap", Fn: func(c *vm.Call) int {
			c.Raise("return string:<MAX_PAYLOAD_SIZE")
			return 0
		}}))
		return 0, 0, "", false
	}
	return codeContent, textPlain, text, true
}

// hang is a loop of the firmware that never ends: the watchdog resets the device.
func (m *module) hang(what string) {
	m.Hints.Here("coap never ends with %s", what)
	for m.d.ETS.DelayUnfed(clock.Second) {
	}
}

// command is POST /v1/c: the payload runs protected, and what comes of it stays unknown.
func (m *module) command(line string) {
	if len(line)+1 > maxLine {
		m.Hints.Once("coap command", "coap does not run a command of %d bytes or more, and says nothing", maxLine)
		return
	}
	line = vm.CString(line)
	fn, err := m.v.Load([]byte(line), line)
	if err == nil {
		_, failed, _ := m.v.Call(fn, 0)
		if failed == nil {
			return
		}
		err = failed
	}
	m.Hints.Once("coap command error", "a command that came by coap has failed, which the firmware tells nobody: %v", err)
}

// wellKnown is GET /.well-known/core, without the functions (fw: build_well_known_rsp).
func (m *module) wellKnown() (list string, ok bool) {
	buffer, ok := m.d.Malloc(maxPayload, heap.Other)
	if !ok {
		m.Hints.Once("coap list", "coap gives no answer to /.well-known/core: there are no %d bytes of memory", maxPayload)
		return "", false
	}
	defer m.d.Free(&buffer, heap.Other)
	links := []string{"</.well-known/core>;ct=40"}
	for _, e := range m.vars {
		if m.there(e) {
			links = append(links, "</v1/v/"+e.name+">;ct=0")
		}
	}
	links = append(links, "</v1/id>;ct=0")
	list = strings.Join(links, ",")
	if len(list) >= maxPayload {
		m.d.Crash("the list of coap's variables has %d bytes and overflows the firmware's buffer of %d", len(list), maxPayload)
		return "", false
	}
	return list, true
}
