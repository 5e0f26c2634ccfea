// Package luanum is the device's C library as far as Lua's numbers go: pow, floor,
// strtod, strtoul and sprintf of the firmware (float build), and what the chip makes
// of a double that becomes an integer.
//
// The firmware brings its own versions of these functions, small ones, and they are
// not those of a PC. If you came here because a program prints or compares something
// else than you expected:
//
//   - 2^4 == 16 is false. x^y loses the last bits (see Pow): 2^4 is
//     16.000000000000004, which prints as 16. Multiply, or write 16, or
//     bit.lshift(1, 4); or round: math.floor(2^4 + 0.5). Above 2^127 a power is
//     3.4028234663853e+38, below 2^-128 it is 0, and 0^-1 is 68.35.
//   - math.floor(1e10) is 2147483647: it goes through a 32-bit integer (see Floor).
//     math.ceil does not.
//   - 5 % 0 is 5, and 1e15 % 7 is 9.9998496761447e+14: a % b is a - floor(a/b)*b with
//     that floor. It is right as long as a/b fits in 32 bits.
//   - ("%.1f"):format(0.25) is 0.3: a half is rounded up, where a PC takes the even
//     neighbour. More than 19 digits after the point there are not.
//   - ("%f"):format(1e20) is the empty string: the part before the point must fit in
//     64 bits. %g and print are not concerned.
//   - -0 prints as 0, and not-a-number as nan, whatever their signs.
//   - %d and %x saturate: ("%d"):format(1e10) is 2147483647, ("%x"):format(2^32) is
//     ffffffff. As an argument of a function of the firmware the same number keeps
//     its low 32 bits (see Int32): bit.bor(2^32+1, 0) is 1.
//   - %c has no width, and of a zero byte nothing is printed.
//   - tonumber("inf") and tonumber("0x1.8") are nil. 0x100000000 is 4294967295, and
//     tonumber("-0x10") is 4294967280: hexadecimal numbers have 32 bits and no sign.
//   - 0.0000000000000000001 is 0: 18 digits are read, zeros at the beginning count.
//     1e-19 is what you want. Below 1e-307 every number that is read is 0.
//
// The compiler folds constants with the same functions, so 2^4 in a program is the
// same number wherever it is computed. luac.cross on a PC has a PC's library (package
// pc): what is folded there differs.
//
// Sources: fw: app/libc/math.c, stdlib.c, snprintf.c; oracle: numbers.json, all rows of
// which are the tests. Every operation is a double's, rounded: a host that fuses
// multiplication and addition must not (hence the conversions that seem idle).
//
// The package knows nothing of Lua values or of the VM.
package luanum
