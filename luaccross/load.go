package luaccross

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"

	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm/luac"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm/luanum/pc"
)

// depth is how many C calls of Lua's are under way in luac.cross as it compiles: its own
// (fw: app/lua/luac_cross/luac.c, pmain).
const depth = 1

// maxFile is how many bytes of a file are read: many times what fits a chip.
const maxFile = 4 << 20

// load reads and compiles a file, or standard input for "-".
func (r *run) load(name string) (*luac.Proto, error) {
	chunk := "@" + name
	read := func() ([]byte, error) { return readFile(name) }
	if name == "-" {
		chunk = "=stdin"
		read = func() ([]byte, error) { return readAll(r.Stdin, "stdin") }
	}
	data, err := read()
	if err != nil {
		return nil, err
	}
	return compile(data, chunk)
}

// compile makes a function of the contents of a file, of source or of a precompiled chunk.
func compile(data []byte, chunk string) (*luac.Proto, error) {
	source := luac.FileSource(string(data))
	if luac.Precompiled(source) {
		return luac.Undump(source, chunk, nil, nil)
	}
	p, wrong := luac.CompileWith(pc.Numbers{}, source, chunk, depth, luac.KeepLines)
	if wrong != nil {
		return nil, fmt.Errorf("%s:%w", vm.CompilerChunkID(chunk), wrong)
	}
	return p, nil
}

func readFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("cannot open %s: %s", name, reason(err))
	}
	defer f.Close()
	return readAll(f, name)
}

func readAll(from io.Reader, name string) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(from, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("it has more than %d bytes", maxFile)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %s", name, reason(err))
	}
	return data, nil
}

// reason is what is wrong with a file, in C's words.
func reason(err error) string {
	var no syscall.Errno
	if !errors.As(err, &no) {
		return err.Error()
	}
	text := no.Error()
	return strings.ToUpper(text[:1]) + text[1:]
}
