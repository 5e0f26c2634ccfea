package device

// SetADC applies a voltage to the board's analogue input. It does nothing on a
// board without one.
func (d *Device) SetADC(volts float64) { d.analog = d.Board.ADC.Read(volts) }

// ADC returns what the converter reads, in its own units.
func (d *Device) ADC() int { return d.analog }

// ADCMode returns byte 107 of the init data in flash, by which the converter
// measures its pin (0) or the supply (255) from the next boot on; SetADCMode
// writes it.
func (d *Device) ADCMode() int { return d.adcMode }

// SetADCMode sets what ADCMode returns.
func (d *Device) SetADCMode(mode int) { d.adcMode = mode }
