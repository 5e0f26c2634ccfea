//go:build soak && unix

package main

import "testing"

// TestSoakKill is TestKill with 200 kills of each kind.
func TestSoakKill(t *testing.T) { killed(t, 200) }
