package http

import (
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/inspect"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm/luanum"
)

// ended looks at the answer (fw: http_disconnect_callback).
func (r *request) ended() {
	r.timer.Disarm()
	m := r.m
	text := vm.CString(string(r.buffer)) // as far as the firmware's searches see
	code, body := statusError, ""
	switch {
	case text == "":
		if len(r.buffer) == 0 {
			r.explain(inspect.EndedEmpty)
		}
		r.explain(inspect.NoHTTP)
	case !strings.HasPrefix(text, "HTTP/1.0 ") && !strings.HasPrefix(text, "HTTP/1.1 "):
		m.fault("Invalid version in %s", text)
		r.explain(inspect.NoHTTP)
	default:
		if code = int(luanum.ParseInt(text[len("HTTP/1.1 "):])); code == statusError {
			r.explain(inspect.StatusLine)
		}
		at := indexFold(text, "Location:")
		if at < 0 || code < 300 || code > 308 {
			var ok bool
			if body, ok = r.bodyOf(text, code); !ok {
				r.free()
				return
			}
			break
		}
		if r.redirects >= maxRedirects {
			m.fault("Too many redirections")
			r.explain(inspect.Redirections, maxRedirects)
			code = statusError
			break
		}
		location := strings.TrimLeft(text[at+len("Location:"):], " ")
		location, _, complete := strings.Cut(location, "\r\n")
		if !complete {
			m.fault("Found Location header but was incomplete")
			r.explain(inspect.CutLocation)
			code = statusError
			break
		}
		r.redirect(location)
		r.free()
		return
	}
	headers := headersOf(text)
	buffer := r.bufferAt // the callback's arguments are made while it is there
	r.bufferAt = heap.Block{}
	r.free()
	m.finish(code, body, headers, &buffer)
}

// redirect makes the request anew somewhere else, with what is left of it.
func (r *request) redirect(location string) {
	t := r.target
	t.redirects++
	switch {
	case strings.HasPrefix(location, "http://"), strings.HasPrefix(location, "https://"):
		t.url = location
		r.m.request(t)
		return
	case !strings.HasPrefix(location, "/"):
		location = r.path[:strings.LastIndexByte(r.path, '/')+1] + location
	}
	r.m.requestTo(t, r.host, r.port, location, r.secure)
}

// bodyOf returns the body of the answer, whose head is in text. ok is false when the
// device crashes over it.
func (r *request) bodyOf(text string, code int) (body string, ok bool) {
	m := r.m
	end := strings.Index(text, "\r\n\r\n")
	if end < 0 {
		m.fault("Body shouldn't be NULL")
		if m.callback != 0 && code != statusError {
			m.d.Crash("%s: an answer without an empty line (\\r\\n\\r\\n) after its head has no body, and http takes the distance of two unrelated addresses for its length", r)
			return "", false
		}
		return "", true
	}
	body = string(r.buffer[end+len("\r\n\r\n"):])
	if containsFold(text, "Transfer-Encoding: chunked") {
		return r.dechunk(body)
	}
	return body, true
}

// dechunk takes the chunks of a body apart (fw: http_chunked_decode). Their sizes are
// believed: what is not there is read behind the answer, and what is longer than the
// whole body is written over the stack.
func (r *request) dechunk(body string) (decoded string, ok bool) {
	d := r.m.d
	var out strings.Builder
	for at := 0; at <= len(body); {
		n := chunkSize(body[at:])
		if n <= 0 {
			break
		}
		end := strings.Index(vm.CString(body[at:]), "\r\n")
		if end < 0 {
			d.Crash("%s: a chunk's size without a line end makes http read at a bad address", r)
			return "", false
		}
		at += end + len("\r\n")
		if out.Len()+n > len(body)+1 {
			d.Crash("%s: a chunk is said to be %d bytes, more than the answer has, and http copies them over its stack", r, n)
			return "", false
		}
		have := min(n, len(body)-at)
		out.WriteString(body[at : at+have])
		if have < n {
			r.m.Hints.Once("http chunk", "%s: a chunk is cut; http takes its last %d bytes from the memory behind the answer", r, n-have)
			out.WriteString(strings.Repeat("\x00", n-have))
		}
		at += n + len("\r\n")
	}
	return out.String(), true
}

// chunkSize reads a hexadecimal number into 32 bits with a sign.
func chunkSize(s string) int {
	n, _ := luanum.ParseUint(s, 16)
	return int(int32(n))
}

// headersOf reads the headers in an answer's head: from the second line to the first that
// is empty or has no colon.
func headersOf(text string) (headers [][2]string) {
	_, text, _ = strings.Cut(text, "\n")
	for text != "" && text[0] != '\r' && text[0] != '\n' {
		line, rest, _ := strings.Cut(text, "\r")
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			break
		}
		headers = append(headers, [2]string{lower(name), strings.TrimLeft(value, " ")})
		text = strings.TrimPrefix(rest, "\n")
	}
	return headers
}

// lower is text with its ASCII letters in lower case.
func lower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c + ('a' - 'A')
		}
	}
	return string(b)
}

// indexFold is strings.Index without regard to case.
func indexFold(s, part string) int { return strings.Index(lower(s), lower(part)) }

func containsFold(s, part string) bool { return indexFold(s, part) >= 0 }
