package luaccross

import (
	"math"
	"strings"
)

// defaultOutput is the file that is written where -o names none, and read by -l and -p without files.
const defaultOutput = "luac.out"

// Bounds of -a: what of flash is mapped (fw: IROM0_SEG, IROM0_SEGMAX).
const (
	lowestAddress = 0x40210000
	mappedBytes   = 0x00100000
)

// Bounds of -m in bytes.
const (
	defaultMax = 0x40000
	maxUnit    = 0x1000
)

// options are what the command line says.
type options struct {
	list     int  // how often -l
	dump     bool // write a file: not with -p
	strip    bool
	flash    bool
	address  uint32 // 0 for a relocatable image
	max      uint32
	lookup   bool
	output   string // "" for standard output
	execute  string
	versions int  // how often -v
	done     bool // -v is all there is
	files    []string
}

// usageError is a mistake in the command line.
type usageError string

func (e usageError) Error() string { return string(e) }

// parse reads the command line in luac.cross's way.
func parse(args []string) (*options, error) {
	o := &options{dump: true, max: defaultMax, output: defaultOutput}
	all, i, err := len(args), 0, error(nil)
	argument := func(option string) (string, error) {
		if i++; i >= len(args) {
			return "", usageError("'" + option + "' needs argument")
		}
		return args[i], nil
	}
options:
	for ; i < len(args) && strings.HasPrefix(args[i], "-"); i++ {
		switch option := args[i]; option {
		case "--":
			i++
			if o.versions > 0 {
				o.versions++
			}
			break options
		case "-":
			break options
		case "-e":
			if o.execute, err = argument(option); err == nil && (o.execute == "" || o.execute[0] == '-') {
				err = usageError("'-e' needs argument")
			}
		case "-f":
			o.flash, o.lookup = true, true
		case "-a":
			err = o.absolute(argument(option))
		case "-i":
			o.lookup = true
		case "-l":
			o.list++
		case "-m":
			err = o.limit(argument(option))
		case "-o":
			if o.output, err = argument(option); err == nil && o.output == "" {
				err = usageError("'-o' needs argument")
			}
			if o.output == "-" {
				o.output = ""
			}
		case "-p":
			o.dump = false
		case "-s":
			o.strip = true
		case "-v":
			o.versions++
		default:
			err = usageError("unrecognized option '" + option + "'")
		}
		if err != nil {
			return nil, err
		}
	}
	o.files = args[i:]
	if len(o.files) == 0 && (o.list > 0 || !o.dump) {
		o.dump, o.files = false, []string{defaultOutput}
	}
	o.done = o.versions > 0 && o.versions == all
	if !o.done && len(o.files) == 0 && o.execute == "" {
		return o, usageError("no input files given")
	}
	return o, nil
}

// absolute takes the argument of -a. The message has the other option's name, as luac.cross's.
func (o *options) absolute(text string, err error) error {
	o.flash, o.lookup = true, true
	o.address = uint32(cLong(text))
	if err == nil && o.address-lowestAddress > mappedBytes {
		err = usageError("'-e' absolute address must be valid flash address")
	}
	return err
}

// limit takes the argument of -m. The message has the other option's name, as luac.cross's.
func (o *options) limit(text string, err error) error {
	o.flash, o.lookup = true, true
	o.max = uint32(cLong(text))
	if err == nil && o.max%maxUnit != 0 {
		err = usageError("'-e' maximum size must be a multiple of 4,096")
	}
	return err
}

// cLong is the number at the beginning of s, in C's notation (strtol), 0 when there is none.
func cLong(s string) int64 {
	s = strings.TrimLeft(s, " \t\n\v\f\r")
	negative := strings.HasPrefix(s, "-")
	if negative || strings.HasPrefix(s, "+") {
		s = s[1:]
	}
	base := uint64(10)
	if rest, hex := strings.CutPrefix(strings.ToLower(s), "0x"); hex && digit(rest) < 16 {
		s, base = rest, 16
	} else if strings.HasPrefix(s, "0") {
		base = 8
	}
	n := uint64(0)
	for ; uint64(digit(s)) < base; s = s[1:] {
		if n = n*base + uint64(digit(s)); n > math.MaxInt64 {
			n = math.MaxInt64 // as C's; what follows stays there
		}
	}
	if negative {
		return -int64(n)
	}
	return int64(n)
}

// digit is the value of the first character of s as a digit, more than any base when it is none.
func digit(s string) int {
	const digits = "0123456789abcdef"
	if s == "" {
		return len(digits)
	}
	if i := strings.IndexByte(digits, s[0]|0x20); i >= 0 && (s[0] >= '0' && s[0] <= '9' || s[0] >= 'A') {
		return i
	}
	return len(digits)
}
