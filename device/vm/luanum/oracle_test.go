package luanum

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/internal/oracle"
)

// numbers is what the firmware's C library made of numbers. A row of every section
// begins with the operands; numbers are the hexadecimal digits of their bits.
type numbers map[string]struct {
	Formats []string // of section format: what the results are of
	Rows    [][]any
}

// The device's C library gives what the firmware's gives, to the bit.
func TestOracleNumbers(t *testing.T) {
	oracle.Set{
		Name: "numbers",
		Read: func(t *testing.T, data []byte) (entries []oracle.Entry) {
			set := oracle.Decode[numbers](t, data)
			for _, section := range slices.Sorted(maps.Keys(set)) {
				for i, row := range set[section].Rows {
					entries = append(entries, oracle.Entry{Name: fmt.Sprintf("%s/%d", section, i), Check: func() string {
						n := operands[section]
						got, want := results(section, row, set[section].Formats), row[n:]
						if bits, ok := want[0].(string); ok && section == "strtod" && math.IsNaN(fromBits(bits)) {
							want = []any{"nan", want[1]} // of which sign is the host's matter: nothing shows it
						}
						if !slices.Equal(got, want) {
							return fmt.Sprintf("%v: %q, want %q", row[:n], got, want)
						}
						return ""
					}})
				}
			}
			return entries
		},
	}.Compare(t)
}

var operands = map[string]int{"format": 1, "strtod": 1, "pow": 2, "floor": 1, "mod": 2, "toint": 1}

// results are what we make of the operands of a row.
func results(section string, row []any, formats []string) []any {
	text := row[0].(string)
	switch section {
	case "format":
		got := make([]any, len(formats))
		for i, form := range formats {
			got[i] = formatNumber(form, fromBits(text))
		}
		return got
	case "strtod":
		f, ok := ParseNumber(text)
		if !ok {
			return []any{nil, "nil"}
		}
		return number(f)
	case "pow":
		f, _ := Pow(fromBits(text), fromBits(row[1]))
		return number(f)
	case "floor":
		return number(Floor(fromBits(text)))
	case "mod":
		return number(Mod(fromBits(text), fromBits(row[1])))
	case "toint":
		f := fromBits(text)
		return []any{fmt.Sprint(Int32(f)), fmt.Sprint(Long(f)), fmt.Sprint(ULong(f))}
	}
	return nil
}

// number is how a result is written: its bits and its text.
func number(f float64) []any {
	if f != f {
		return []any{"nan", FormatNumber(f)}
	}
	return []any{fmt.Sprintf("%016x", math.Float64bits(f)), FormatNumber(f)}
}

func fromBits(hex any) float64 {
	bits, err := strconv.ParseUint(hex.(string), 16, 64)
	if err != nil {
		panic(err)
	}
	return math.Float64frombits(bits)
}

// formatNumber formats f as string.format does.
func formatNumber(form string, f float64) string {
	s, _, _ := ParseSpec(form[1:])
	switch s.Verb {
	case 'd':
		return string(s.AppendInt(nil, int64(Long(f))))
	case 'u', 'x':
		return string(s.AppendUint(nil, uint64(ULong(f))))
	}
	return string(s.AppendFloat(nil, f))
}
