package app

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// TestPublishedServer asks the example hello-http with real clients of this computer: a
// megabyte there and back, as many clients as the device takes connections, and many more.
// Where the host is so busy that a client reads late, the device may run short of RAM, and
// httpserver then breaks the connection off: a client tries again.
func TestPublishedServer(t *testing.T) {
	a, output := start(t, Options{Dir: "../examples/hello-http", Publish: []string{"127.0.0.1:0:80"}, Net: "isolated", CPU: "host", OnPanic: "halt"}, 20)
	page := url(t, a)
	client := &http.Client{Timeout: 20 * time.Second}
	post := func(body io.Reader) ([]byte, error) {
		r, err := client.Post(page, "text/plain", body)
		if err != nil {
			return nil, err
		}
		defer r.Body.Close()
		if r.StatusCode != 200 {
			return nil, errors.New(r.Status)
		}
		return io.ReadAll(r.Body)
	}
	body := bytes.Repeat([]byte("0123456789abcde\n"), 1<<16)
	for _, chunked := range []bool{false, true} {
		for try := 1; ; try++ {
			var reader io.Reader = bytes.NewReader(body)
			if chunked {
				reader = io.MultiReader(reader)
			}
			got, err := post(reader)
			if err == nil && sha256.Sum256(got) == sha256.Sum256(body) {
				break
			}
			if broken := errors.Is(err, syscall.ECONNRESET) || errors.Is(err, io.ErrUnexpectedEOF); !broken || try == 5 {
				t.Fatalf("%d bytes came back of %d, error %v", len(got), len(body), err)
			}
		}
	}
	var wg sync.WaitGroup
	for n := range 5 {
		wg.Go(func() {
			for i := range 10 {
				want := fmt.Sprintf("client %d, request %d", n, i)
				if got, err := post(strings.NewReader(want)); err != nil || string(got) != want {
					t.Errorf("%q: %q, %v", want, got, err)
				}
			}
		})
	}
	wg.Wait()
	for range 15 {
		wg.Go(func() { post(strings.NewReader("crowd")) })
	}
	wg.Wait()
	if got, err := post(strings.NewReader("after the crowd")); err != nil || string(got) != "after the crowd" {
		t.Errorf("after the crowd: %q, %v", got, err)
	}
	if out := output(); strings.Contains(out, "PANIC") || strings.Contains(out, "Lua error") {
		t.Errorf("the device printed %q", out)
	}
}
