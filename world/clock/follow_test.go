package clock

import (
	"testing"
	"time"
)

func TestFollowKeepsVirtualTimeToWallTime(t *testing.T) {
	c := New()
	release := c.Follow()
	began, held := time.Now(), time.Duration(0)
	c.At(At(50*Millisecond), func() {
		held = time.Since(began)
		release()
	})
	c.Run(At(Hour), false)
	if held < 45*time.Millisecond {
		t.Errorf("50 ms passed in %v while something outside was involved", held)
	}
	if took := time.Since(began); took > 10*time.Second || c.Now() != At(Hour) {
		t.Errorf("an hour took %v after the release; now is %v", took, c.Now())
	}
}
