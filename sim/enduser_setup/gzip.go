//go:build ignore

// Command gzip packs page.html into page.html.gz, filled up to the length of the
// firmware's page with a comment in the header.
package main

import (
	"bytes"
	"compress/gzip"
	"log"
	"os"
	"strings"
)

// length is that of the firmware's page in bytes (oracle: enduser-behaviour.md 4).
const length = 2818

func main() {
	page, err := os.ReadFile("page.html")
	if err != nil {
		log.Fatal(err)
	}
	plain := pack(page, "")
	fill := length - len(plain) - len("\x00")
	if fill < 0 {
		log.Fatalf("the page has %d bytes too many", -fill)
	}
	if err := os.WriteFile("page.html.gz", pack(page, strings.Repeat(" ", fill)), 0o644); err != nil {
		log.Fatal(err)
	}
}

func pack(page []byte, comment string) []byte {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		log.Fatal(err)
	}
	w.Comment = comment
	if _, err := w.Write(page); err != nil {
		log.Fatal(err)
	}
	if err := w.Close(); err != nil {
		log.Fatal(err)
	}
	return out.Bytes()
}
