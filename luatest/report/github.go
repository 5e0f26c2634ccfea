package report

import (
	"io"
	"strconv"
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/internal/page"
	"github.com/nodemcu-sim/nodemcu-sim/luatest"
)

// GitHub is Text for a log of GitHub Actions, with a workflow command for each failure: it
// becomes an annotation at its line. Nothing that a device prints becomes a command: the
// lines of a text of its own begin with something else, and "##[", an older form that
// counts anywhere in a line, is broken up.
type GitHub struct{ *Text }

// NewGitHub returns a reporter that writes to w.
func NewGitHub(w io.Writer, again Again) *GitHub {
	t := NewText(w, false, again)
	t.clean = noCommand
	return &GitHub{t}
}

// noCommand breaks up the older form of a command.
func noCommand(s string) string { return strings.ReplaceAll(s, "##[", "##\\[") }

func (g *GitHub) File(f *luatest.File) {
	g.Text.File(f)
	if f.Failure != nil {
		why := *f.Failure
		if why.File == "" {
			why.File = f.Path
		}
		g.annotate(why, "tests not loaded")
	}
	for _, x := range f.Tests {
		if !x.Status.Bad() {
			continue
		}
		for _, why := range x.Failures {
			g.annotate(placed(x, why), x.FullName())
		}
	}
}

func (g *GitHub) annotate(why luatest.Failure, title string) {
	message := page.Visible(why.Message)
	if why.Compared {
		message += "\n" + diffText(why.Expected, why.Actual)
	}
	at := "file=" + property(why.File)
	if why.Line > 0 {
		at += ",line=" + strconv.Itoa(why.Line)
	}
	g.w.printf("::error %s,title=%s::%s\n", at, property(page.Visible(title)), data(message))
}

// data escapes a command's message, and property one of its properties, as GitHub's
// toolkit does.
func data(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", "##[", "##\\[").Replace(s)
}

func property(s string) string {
	return strings.NewReplacer(":", "%3A", ",", "%2C").Replace(data(s))
}
