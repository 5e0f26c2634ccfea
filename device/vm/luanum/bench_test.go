package luanum

import "testing"

// What the device's functions cost the host, where they are not its own.
func BenchmarkNumbers(b *testing.B) {
	var buf [64]byte
	var sum float64
	for _, bb := range []struct {
		name string
		run  func(x float64)
	}{
		{"pow", func(x float64) { y, _ := Pow(x, 3.5); sum += y }},
		{"floor", func(x float64) { sum += Floor(x) }},
		{"mod", func(x float64) { sum += Mod(x, 7) }},
		{"number", func(x float64) { AppendNumber(buf[:0], x) }},
		{"integer", func(x float64) { AppendNumber(buf[:0], Floor(x)) }},
		{"small number", func(x float64) { AppendNumber(buf[:0], x*1e-300) }},
		{"%.2f", func(x float64) { Spec{Prec: 2, Verb: 'f'}.AppendFloat(buf[:0], x) }},
		{"strtod", func(x float64) { ParseNumber("1234.5678") }},
	} {
		b.Run(bb.name, func(b *testing.B) {
			x := 1.25
			for b.Loop() {
				bb.run(x)
				x += 0.37
			}
		})
	}
}
