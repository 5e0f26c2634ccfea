// Package tomlfile reads the TOML files that people write by hand (board
// profiles, nodemcu-sim.toml) strictly: a key that no one reads, a value of the
// wrong kind or a number out of its range is an error that names the file, the
// line and what would be right.
//
// It knows the syntax and Go structs, and nothing of what the files mean.
package tomlfile

import (
	"bytes"
	"encoding"
	"errors"
	"fmt"
	"math"
	"reflect"
	"sort"
	"strings"
	"time"

	"github.com/BurntSushi/toml"
)

// Error is what is wrong with a file, at one of its lines.
type Error struct {
	File    string // as given to Decode
	Line    int    // counted from 1; 0 when the error belongs to no line
	Message string // what is wrong and what to do
}

func (e *Error) Error() string {
	if e.Line > 0 {
		return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Message)
	}
	return fmt.Sprintf("%s: %s", e.File, e.Message)
}

// File is a decoded file that still knows the line of each of its keys, so that
// whoever checks what the values mean can say where they stand.
type File struct {
	name  string
	lines map[string]int
}

// Errorf returns an *Error at the line of key, written as in the file with array
// entries counted from 0: "wifi.network[1].rssi". For a key that is not in the
// file it is the line of the nearest table around it.
func (f *File) Errorf(key, format string, args ...any) error {
	return &Error{File: f.name, Line: f.line(key), Message: fmt.Sprintf(format, args...)}
}

// Has reports whether the file sets key.
func (f *File) Has(key string) bool {
	_, ok := f.lines[key]
	return ok
}

func (f *File) line(key string) int {
	for key != "" {
		if n, ok := f.lines[key]; ok {
			return n
		}
		cut := strings.LastIndexAny(key, ".[")
		if cut < 0 {
			break
		}
		key = key[:cut]
	}
	return 0
}

// Decode reads data, the content of the file called name, into the struct that
// v points to. Struct fields are matched by their `toml` tag; fields may be
// strings, booleans, integers, floats, time.Duration (written as "1.5s"), types
// with an UnmarshalText method, structs (tables) and slices of these; the fields of
// an embedded struct are of the table itself. Every key of the file must have a
// field. The error is an *Error.
func Decode(name string, data []byte, v any) (*File, error) {
	if line := dottedLine(data); line > 0 {
		return nil, &Error{File: name, Line: line, Message: fmt.Sprintf("more than %d dots in a line; use several lines", maxDots)}
	}
	var tree map[string]any
	if _, err := toml.Decode(string(data), &tree); err != nil {
		var pe toml.ParseError
		if errors.As(err, &pe) {
			// Counted from the offset: for an unexpected line end the decoder
			// names the line after it.
			line := 1 + strings.Count(string(data[:min(max(pe.Position.Start, 0), len(data))]), "\n")
			return nil, &Error{File: name, Line: line, Message: pe.Message}
		}
		return nil, &Error{File: name, Message: strings.TrimPrefix(err.Error(), "toml: ")}
	}
	f := &File{name: name, lines: keyLines(string(data))}
	if err := f.table("", tree, reflect.ValueOf(v).Elem()); err != nil {
		return nil, err
	}
	return f, nil
}

// maxDots bounds the dots of one line, and so the parts of its keys: what they cost
// the decoder grows with the square of their number.
const maxDots = 500

// dottedLine returns the first line with too many dots, 0 for none.
func dottedLine(data []byte) (line int) {
	for text := range bytes.Lines(data) {
		line++
		if bytes.Count(text, []byte(".")) > maxDots {
			return line
		}
	}
	return 0
}

// table fills the struct dst from the table at path.
func (f *File) table(path string, src map[string]any, dst reflect.Value) error {
	fields := map[string][]int{}
	var names []string
	for _, x := range reflect.VisibleFields(dst.Type()) { // those of embedded structs, too
		if tag := x.Tag.Get("toml"); tag != "" {
			fields[tag] = x.Index
			names = append(names, tag)
		}
	}
	// In the order of the file, so that the first mistake is the one reported.
	keys := make([]string, 0, len(src))
	for k := range src {
		keys = append(keys, k)
	}
	sort.Slice(keys, func(i, j int) bool {
		a, b := f.line(join(path, keys[i])), f.line(join(path, keys[j]))
		return a < b || a == b && keys[i] < keys[j]
	})
	for _, k := range keys {
		key := join(path, k)
		i, ok := fields[k]
		if !ok {
			where := "at the top of the file"
			if path != "" {
				where = "in [" + path + "]"
			}
			return f.Errorf(key, "unknown key %q; known %s: %s", k, where, strings.Join(names, ", "))
		}
		if err := f.value(key, src[k], dst.FieldByIndex(i)); err != nil {
			return err
		}
	}
	return nil
}

var durationType = reflect.TypeFor[time.Duration]()

// value stores the value src of key into dst.
func (f *File) value(key string, src any, dst reflect.Value) error {
	if dst.Type() == durationType {
		s, ok := src.(string)
		d, err := time.ParseDuration(s)
		if !ok || err != nil {
			return f.Errorf(key, "%s is a time such as \"1.5s\" or \"250ms\"", key)
		}
		dst.SetInt(int64(d))
		return nil
	}
	if u, ok := dst.Addr().Interface().(encoding.TextUnmarshaler); ok {
		s, ok := src.(string)
		if !ok {
			return f.wrongKind(key, src, "a string")
		}
		if err := u.UnmarshalText([]byte(s)); err != nil {
			return f.Errorf(key, "%s: %v", key, err)
		}
		return nil
	}
	switch dst.Kind() {
	case reflect.String:
		s, ok := src.(string)
		if !ok {
			return f.wrongKind(key, src, "a string")
		}
		dst.SetString(s)
	case reflect.Bool:
		b, ok := src.(bool)
		if !ok {
			return f.wrongKind(key, src, "true or false")
		}
		dst.SetBool(b)
	case reflect.Int, reflect.Int64:
		n, ok := src.(int64)
		if !ok {
			return f.wrongKind(key, src, "a whole number")
		}
		dst.SetInt(n)
	case reflect.Uint32:
		n, ok := src.(int64)
		if !ok {
			return f.wrongKind(key, src, "a whole number")
		}
		if n < 0 || n > math.MaxUint32 {
			return f.Errorf(key, "%s = %d is out of range: 0 to %d", key, n, uint32(math.MaxUint32))
		}
		dst.SetUint(uint64(n))
	case reflect.Float64:
		switch n := src.(type) {
		case float64:
			if math.IsNaN(n) || math.IsInf(n, 0) {
				return f.Errorf(key, "%s must be a finite number", key)
			}
			dst.SetFloat(n)
		case int64:
			dst.SetFloat(float64(n))
		default:
			return f.wrongKind(key, src, "a number")
		}
	case reflect.Struct:
		t, ok := src.(map[string]any)
		if !ok {
			return f.wrongKind(key, src, "a table, ["+key+"]")
		}
		return f.table(key, t, dst)
	case reflect.Slice:
		return f.slice(key, src, dst)
	default:
		panic("tomlfile: no rule for a field of type " + dst.Type().String())
	}
	return nil
}

// slice stores an array, or an array of tables, into dst.
func (f *File) slice(key string, src any, dst reflect.Value) error {
	var items []any
	switch s := src.(type) {
	case []any:
		items = s
	case []map[string]any:
		for _, t := range s {
			items = append(items, t)
		}
	default:
		want := "a list, [" + "…" + "]"
		if dst.Type().Elem().Kind() == reflect.Struct {
			want = "a list of tables, [[" + key + "]]"
		}
		return f.wrongKind(key, src, want)
	}
	out := reflect.MakeSlice(dst.Type(), len(items), len(items))
	for i, item := range items {
		if err := f.value(fmt.Sprintf("%s[%d]", key, i), item, out.Index(i)); err != nil {
			return err
		}
	}
	dst.Set(out)
	return nil
}

func (f *File) wrongKind(key string, src any, want string) error {
	var got string
	switch src.(type) {
	case string:
		got = "a string"
	case bool:
		got = "a boolean"
	case int64:
		got = "a whole number"
	case float64:
		got = "a number with a fraction"
	case map[string]any:
		got = "a table"
	case []any, []map[string]any:
		got = "a list"
	default:
		got = "a date or time"
	}
	return f.Errorf(key, "%s is %s; write %s", key, got, want)
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
