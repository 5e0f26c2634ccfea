// Package radio is the SDK's Wi-Fi of a device: its station, its soft access point,
// scans, and the settings in flash that outlive resets. It is what package wifi shows
// to Lua, and what the device's network interfaces follow.
//
// It knows the air, the interfaces and a Host; it does not know Lua, nor who its
// neighbours are.
package radio
