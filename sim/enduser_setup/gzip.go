//go:build ignore

// Command gzip packs page.html into page.html.gz, filled up to the length of the
// firmware's page with an extra field in the header (RFC 1952, 2.3.1.1).
package main

import (
	"bytes"
	"compress/gzip"
	"log"
	"os"
)

// length is that of the firmware's page in bytes (oracle: enduser-behaviour.md 4).
const length = 2818

func main() {
	page, err := os.ReadFile("page.html")
	if err != nil {
		log.Fatal(err)
	}
	const fieldHead = 2 + 4 // the length of all fields; the field's name and length
	fill := length - len(pack(page, nil)) - fieldHead
	if fill < 0 {
		log.Fatalf("the page has %d bytes too many", -fill)
	}
	if err := os.WriteFile("page.html.gz", pack(page, append([]byte{'n', 's', byte(fill), byte(fill >> 8)}, make([]byte, fill)...)), 0o644); err != nil {
		log.Fatal(err)
	}
}

func pack(page []byte, extra []byte) []byte {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		log.Fatal(err)
	}
	w.Extra = extra
	if _, err := w.Write(page); err != nil {
		log.Fatal(err)
	}
	if err := w.Close(); err != nil {
		log.Fatal(err)
	}
	return out.Bytes()
}
