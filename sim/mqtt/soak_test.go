//go:build soak

package mqtt_test

// The long form of TestMosquittoCount:
//
//	go test -tags soak -run Mosquitto -timeout 1h ./sim/mqtt
func init() { messages = 10_000 }
