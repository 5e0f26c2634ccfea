package main

import (
	"runtime/debug"
	"testing"
)

func TestBuildVersion(t *testing.T) {
	vcs := []debug.BuildSetting{
		{Key: "vcs.revision", Value: "0123456789abcdef0123456789abcdef01234567"},
		{Key: "vcs.time", Value: "2026-03-01T10:00:00Z"},
		{Key: "vcs.modified", Value: "true"},
	}
	for _, test := range []struct {
		version  string
		settings []debug.BuildSetting
		want     string
	}{
		{"v1.2.3", nil, "v1.2.3"},
		{"v1.2.3", vcs[:2], "v1.2.3, commit 0123456789ab of 2026-03-01"},
		{"v0.0.0-20260301100000-0123456789ab+dirty", vcs, "v0.0.0-20260301100000-0123456789ab+dirty"},
		{"(devel)", vcs, "devel, commit 0123456789ab of 2026-03-01, changed"},
		{"(devel)", nil, "devel"},
		{"", nil, "devel"},
	} {
		info := &debug.BuildInfo{Main: debug.Module{Version: test.version}, Settings: test.settings}
		if got := buildVersion(info); got != test.want {
			t.Errorf("%q: %q, want %q", test.version, got, test.want)
		}
	}
}
