package device

// RTCWords is how many 32-bit words of the real-time clock's memory belong to
// the program (fw: app/include/rtc/rtcaccess.h, RTC_USER_MEM_NUM_DWORDS).
const RTCWords = 128

// RTCMemory is the program's part of the memory that the real-time clock keeps
// through resets and deep sleep. Switching the device on clears it: the chip's
// comes up with anything in it.
func (d *Device) RTCMemory() *[RTCWords]uint32 { return &d.rtc }
