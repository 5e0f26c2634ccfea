package part

import "fmt"

// Indicator is a part that shows to which level its pin is driven, and to which
// nothing can be done.
type Indicator struct {
	Config
	Words [2]string // for off and on
}

// Show implements Part.
func (i Indicator) Show() Shown {
	if i.Pin.Driven() && i.Pin.Level() == i.Level(true) {
		return Shown{On: true, State: i.Words[1]}
	}
	return Shown{State: i.Words[0]}
}

// Act implements Part.
func (i Indicator) Act(action string) error {
	return fmt.Errorf("%q: nothing can be done to it, the program decides whether it is %s", action, i.Words[1])
}
